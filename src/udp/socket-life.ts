import { notRunning, systemError, usageError } from './errors.ts';
import { attachFilter } from './filter.ts';
import type { RemoteInfo } from './incoming.ts';
import { KernelOptions } from './kernel-options.ts';
import { type Handle, loadNative } from './native.ts';
import { type Open, openSocket } from './open.ts';
import { type NativeOptions, nativeOptions, type SocketOptions } from './options.ts';
import { type Endpoint, encodeSocketAddress, requireEndpoint, resolveEndpoint } from './socket-address.ts';
import { type BindTarget, bindArguments } from './socket-arguments.ts';
import { nameOf, type SocketName } from './socket-name.ts';
import { readStats, type SocketStats } from './stats.ts';

const READABLE = 1;

/** The part of dgram.Socket that is its life: opened at first use, bound by name or when something is sent, closed once. */
export abstract class SocketLife extends KernelOptions {
  readonly type: 'udp4' | 'udp6';
  protected readonly family: 4 | 6;
  protected readonly native = loadNative();
  protected readonly options: SocketOptions;
  /** Null until something needs it, and after it is closed. */
  protected open: Open | null = null;
  readonly #nativeOptions: NativeOptions;
  /** `closing`: closed while binding, with datagrams to send before. */
  #state: 'unbound' | 'binding' | 'bound' | 'closing' | 'closed' = 'unbound';
  /** What was asked for while binding: done when bound, told the failure otherwise. */
  #queue: ((failure: Error | null) => void)[] = [];
  #referenced = true;
  #lastStats: SocketStats | null = null;

  /** @throws RangeError or TypeError for an impossible option */
  constructor(options: SocketOptions) {
    super();
    if (options.type !== 'udp4' && options.type !== 'udp6') {
      throw usageError(
        'ERR_SOCKET_BAD_TYPE',
        `Bad socket type specified. Valid types are: udp4, udp6; received ${options.type}`,
      );
    }
    this.type = options.type;
    this.family = options.type === 'udp4' ? 4 : 6;
    this.options = options;
    this.#nativeOptions = nativeOptions(options);
    closeOnAbort(this, options.signal, () => this.isClosed());
  }

  /** As dgram: `bind(port, address, callback)` or `bind({ port, address, fd }, callback)`. Emits `listening`, or `error`. */
  bind(...given: readonly unknown[]): this {
    const { target, callback } = bindArguments(given);
    if (this.isClosed()) throw notRunning();
    if (this.#state !== 'unbound') throw usageError('ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    this.#state = 'binding';
    const address = target.address ?? (this.family === 4 ? '0.0.0.0' : '::');
    if (callback !== undefined) this.once('listening', callback);
    this.resolve(address, (error, endpoint) => {
      if (this.#state !== 'binding' && this.#state !== 'closing') return;
      const closing = this.#state === 'closing';
      const failure = error ?? this.#bindNow(endpoint, address, target);
      if (failure !== null) this.#state = 'unbound';
      for (const act of this.#queue.splice(0)) act(failure);
      try {
        if (failure === null) this.emit('listening');
        else {
          if (callback !== undefined) this.off('listening', callback);
          this.emit('error', failure);
        }
      } finally {
        if (closing) this.#shut();
      }
    });
    return this;
  }

  /** The address the socket is bound to. @throws SocketError when it is not */
  address(): SocketName {
    if (this.isClosed()) throw notRunning();
    if (this.open === null) throw systemError(-9, 'getsockname'); // EBADF
    return nameOf(this.native, this.open.handle, this.family);
  }

  stats(): SocketStats {
    return this.#lastStats ?? readStats(this.native, this.open?.handle ?? null);
  }

  ref(): this {
    return this.#reference(true);
  }

  unref(): this {
    return this.#reference(false);
  }

  /**
   * The port is free when this returns, and `close` is emitted later; but what was sent while binding is sent first.
   * @throws SocketError when closed before
   */
  close(callback?: () => void): this {
    if (this.isClosed()) throw notRunning();
    if (callback !== undefined) this.once('close', callback);
    if (this.#queue.length > 0) this.#state = 'closing';
    else this.#shut();
    return this;
  }

  #shut(): void {
    this.#state = 'closed';
    if (this.open === null) process.nextTick(() => this.emit('close'));
    else {
      this.open.outgoing.flush();
      this.open.outgoing.end();
      this.#lastStats = readStats(this.native, this.open.handle);
      this.native.close(this.open.handle);
      this.open = null;
    }
  }

  protected isClosed(): boolean {
    return this.#state === 'closed' || this.#state === 'closing';
  }

  /** While binding `act` is put off, as dgram does: sending now would bind to any port. */
  protected waits(act: (failure: Error | null) => void): boolean {
    if (this.#state !== 'binding') return false;
    this.#queue.push(act);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isClosed()) await new Promise<void>((resolve) => this.close(resolve));
  }

  protected handle(): Handle {
    return this.#ensureOpen(-1).handle;
  }

  #reference(referenced: boolean): this {
    this.#referenced = referenced;
    if (this.open !== null) this.native.reference(this.open.handle, referenced ? 1 : 0);
    return this;
  }

  #ensureOpen(fd: number): Open {
    if (this.#state === 'closed') throw notRunning();
    if (this.open !== null) return this.open;
    this.open = openSocket(this, this.family, this.#nativeOptions, fd, {
      message: this.#deliver.bind(this),
      error: (error) => this.emit('error', error),
      closed: () => this.emit('close'),
      isOpen: () => this.open !== null,
    });
    if (this.options.kernelFilter === true && this.options.allow !== undefined)
      attachFilter(this.native, this.open.handle, this.#nativeOptions.allow, fd >= 0);
    if (!this.#referenced) this.native.reference(this.open.handle, 0);
    if (this.options.recvBufferSize !== undefined) this.setRecvBufferSize(this.options.recvBufferSize);
    if (this.options.sendBufferSize !== undefined) this.setSendBufferSize(this.options.sendBufferSize);
    return this.open;
  }

  /** A listener that throws must not lose the rest of the batch: its error surfaces as uncaught, as with dgram. */
  #deliver(message: Buffer, rinfo: RemoteInfo): void {
    if (this.#state === 'closed') return;
    try {
      this.emit('message', message, rinfo);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #bindNow(endpoint: Endpoint, address: string, target: BindTarget): Error | null {
    const port = target.port ?? 0;
    if (target.fd !== undefined && this.open !== null)
      return usageError('EINVAL', 'bind: expected { fd } before anything else is asked of the socket');
    try {
      const { handle } = this.#ensureOpen(target.fd ?? -1);
      const where = target.fd === undefined ? encodeSocketAddress(endpoint, port, this.family) : null;
      const status = this.native.bind(handle, where);
      if (status < 0) return systemError(status, 'bind', address, port);
      this.native.poll(handle, READABLE);
      this.#state = 'bound';
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  protected bound(): Open {
    if (this.open !== null && this.#state === 'bound') return this.open;
    throw notRunning();
  }

  /** For sending: binds to a free port when not yet bound, as dgram does. */
  protected usable(): Open {
    if (this.isClosed()) throw notRunning();
    if (this.#state === 'bound') return this.#ensureOpen(-1);
    const any = this.family === 4 ? '0.0.0.0' : '::';
    this.#state = 'binding';
    const failure = this.#bindNow(this.endpoint(any), any, { port: 0 });
    if (failure !== null) {
      this.#state = 'unbound';
      throw failure;
    }
    process.nextTick(() => this.#state === 'bound' && this.emit('listening'));
    return this.#ensureOpen(-1);
  }

  protected endpoint(address: string, interfaceIndex?: number): Endpoint {
    const endpoint = requireEndpoint(this.native, address, this.family);
    return interfaceIndex === undefined ? endpoint : { ...endpoint, scope: interfaceIndex };
  }

  protected resolve(name: string, done: (error: Error | null, endpoint: Endpoint) => void): void {
    resolveEndpoint(this.native, name, this.family, this.options.lookup, done);
  }
}

/** Closes the socket when the signal is aborted, at once when it is already. */
function closeOnAbort(socket: SocketLife, signal: AbortSignal | undefined, isClosed: () => boolean): void {
  const abort = (): void => {
    if (!isClosed()) socket.close();
  };
  if (signal?.aborted === true) abort();
  else if (signal !== undefined) {
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
  }
}
