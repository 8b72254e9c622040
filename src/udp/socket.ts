import { type Answer, encodeAnswers } from './answer.ts';
import { notRunning, systemError, usageError } from './errors.ts';
import type { RemoteInfo } from './incoming.ts';
import { KernelOptions } from './kernel-options.ts';
import { type Handle, loadNative } from './native.ts';
import { type Open, openSocket } from './open.ts';
import { type NativeOptions, nativeOptions, type SocketOptions } from './options.ts';
import type { SendCallback } from './outgoing.ts';
import {
  type Endpoint,
  encodeSocketAddress,
  parseEndpoint,
  requireEndpoint,
  resolveEndpoint,
} from './socket-address.ts';
import { type BindTarget, bindArguments, type Message, sendArguments, toBytes } from './socket-arguments.ts';
import { nameOf, type SocketName } from './socket-name.ts';
import { readStats, type SocketStats } from './stats.ts';

export type RemoteInfoListener = (message: Buffer, rinfo: RemoteInfo) => void;

const READABLE = 1;

/**
 * A UDP socket like node:dgram's that knows which of this host's addresses each datagram was sent to, and answers from it.
 * Receives with recvmmsg(2), sends with sendmmsg(2): replies made while a batch of messages is handed out leave together.
 *
 * Differs from dgram: no connect(), no sharing in a cluster (use reusePort), and promises that a listener starts settle after
 * the whole batch was handed out.
 */
export class Socket extends KernelOptions {
  readonly type: 'udp4' | 'udp6';
  protected readonly family: 4 | 6;
  readonly #native = loadNative();
  readonly #options: SocketOptions;
  readonly #nativeOptions: NativeOptions;
  #open: Open | null = null;
  /** `closing`: closed while binding, with datagrams to send before. */
  #state: 'unbound' | 'binding' | 'bound' | 'closing' | 'closed' = 'unbound';
  /** What was asked for while binding: done when bound, told the failure otherwise. */
  #queue: ((failure: Error | null) => void)[] = [];
  #answering = false;
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
    this.#options = options;
    this.#nativeOptions = nativeOptions(options);
    closeOnAbort(this, options.signal, () => this.#isClosed());
  }

  /** As dgram: `bind(port, address, callback)` or `bind({ port, address, fd }, callback)`. Emits `listening`, or `error`. */
  bind(...given: readonly unknown[]): this {
    const { target, callback } = bindArguments(given);
    if (this.#isClosed()) throw notRunning();
    if (this.#state !== 'unbound') throw usageError('ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    this.#state = 'binding';
    const address = target.address ?? (this.family === 4 ? '0.0.0.0' : '::');
    if (callback !== undefined) this.once('listening', callback);
    this.#resolve(address, (error, endpoint) => {
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
    if (this.#isClosed()) throw notRunning();
    if (this.#open === null) throw systemError(-9, 'getsockname'); // EBADF
    return nameOf(this.#native, this.#open.handle, this.family);
  }

  /**
   * As dgram: `send(message, [offset, length,] port, [address,] [options,] [callback])`. `options.localAddress` is the address
   * to send from (no capability is needed for one of this host's), `options.interfaceIndex` its link for fe80::/10.
   * Without a callback failures are only counted, in `stats()`.
   */
  send(message: Message, ...given: readonly unknown[]): void {
    const {
      bytes,
      port,
      address = this.family === 4 ? '127.0.0.1' : '::1',
      options,
      callback,
    } = sendArguments(message, given);
    if (this.#waits((failure) => (failure === null ? this.send(message, ...given) : callback?.(failure, 0)))) return;
    const open = this.#usable();
    const from =
      options.localAddress === undefined ? null : this.#endpoint(options.localAddress, options.interfaceIndex);
    const to = parseEndpoint(this.#native, address, this.family);
    if (to !== null) {
      open.outgoing.add({ message: bytes, port, to, from, address, callback });
      return;
    }
    this.#resolve(address, (error, endpoint) => {
      if (error !== null) {
        if (callback !== undefined) callback(error, 0);
        else this.emit('error', error);
      } else this.#open?.outgoing.add({ message: bytes, port, to: endpoint, from, address, callback });
    });
  }

  /** Answers a datagram from the address it was sent to. Failures without a callback are only counted, in `stats()`. */
  reply(message: Message, rinfo: Pick<RemoteInfo, 'address' | 'port' | 'localAddress'>, callback?: SendCallback): void {
    if (this.#waits((failure) => (failure === null ? this.reply(message, rinfo, callback) : callback?.(failure, 0))))
      return;
    const open = this.#usable();
    const bytes = toBytes(message);
    if (callback === undefined && open.outgoing.answer(bytes, rinfo)) return;
    const to = this.#endpoint(rinfo.address);
    const from = this.#endpoint(rinfo.localAddress);
    open.outgoing.add({
      message: bytes,
      port: rinfo.port,
      to,
      from: isUnspecified(from) ? null : from,
      address: rinfo.address,
      callback,
    });
  }

  /**
   * Answers requests of the health protocol on a native thread from now on, without JavaScript, for `leaseMs`; `message` is
   * not emitted any more, `send` refuses, and the `strict` checks hold. Null goes silent at once. Call it again, or
   * `renewAnswer`, before the lease ends; else votes go unanswered.
   * @throws TypeError for a subject that is no address or occurs twice; SocketError when no thread can be started
   */
  setAnswer(answer: Answer | null): void {
    const open = this.#bound();
    if (this.#options.strict !== true)
      throw usageError('EINVAL', 'setAnswer needs a socket made with { strict: true }');
    const table = answer === null ? null : encodeAnswers(answer.words);
    const status = this.#native.answer(open.handle, table, answer?.leaseMs ?? 0);
    if (status < 0) throw systemError(status, 'setAnswer');
    this.#answering = true;
  }

  /** The words last given hold for another `leaseMs`. */
  renewAnswer(leaseMs: number): void {
    if (!this.#answering) throw usageError('EINVAL', 'renewAnswer: expected setAnswer to have been called before');
    this.#native.answer(this.#bound().handle, null, leaseMs);
  }

  stats(): SocketStats {
    return this.#lastStats ?? readStats(this.#native, this.#open?.handle ?? null);
  }

  getSendQueueCount(): number {
    return this.#open?.outgoing.waiting ?? 0;
  }

  /** Bytes. */
  getSendQueueSize(): number {
    return this.#open?.outgoing.waitingBytes ?? 0;
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
    if (this.#isClosed()) throw notRunning();
    if (callback !== undefined) this.once('close', callback);
    if (this.#queue.length > 0) this.#state = 'closing';
    else this.#shut();
    return this;
  }

  #shut(): void {
    this.#state = 'closed';
    if (this.#open === null) process.nextTick(() => this.emit('close'));
    else {
      this.#open.outgoing.flush();
      this.#open.outgoing.end();
      this.#lastStats = readStats(this.#native, this.#open.handle);
      this.#native.close(this.#open.handle);
      this.#open = null;
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed' || this.#state === 'closing';
  }

  /** While binding `act` is put off, as dgram does: sending now would bind to any port. */
  #waits(act: (failure: Error | null) => void): boolean {
    if (this.#state !== 'binding') return false;
    this.#queue.push(act);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed()) await new Promise<void>((resolve) => this.close(resolve));
  }

  protected handle(): Handle {
    return this.#ensureOpen(-1).handle;
  }

  #reference(referenced: boolean): this {
    this.#referenced = referenced;
    if (this.#open !== null) this.#native.reference(this.#open.handle, referenced ? 1 : 0);
    return this;
  }

  #ensureOpen(fd: number): Open {
    if (this.#state === 'closed') throw notRunning();
    if (this.#open !== null) return this.#open;
    this.#open = openSocket(this, this.family, this.#nativeOptions, fd, {
      message: this.#deliver.bind(this),
      error: (error) => this.emit('error', error),
      closed: () => this.emit('close'),
      isOpen: () => this.#open !== null,
    });
    if (!this.#referenced) this.#native.reference(this.#open.handle, 0);
    if (this.#options.recvBufferSize !== undefined) this.setRecvBufferSize(this.#options.recvBufferSize);
    if (this.#options.sendBufferSize !== undefined) this.setSendBufferSize(this.#options.sendBufferSize);
    return this.#open;
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
    if (target.fd !== undefined && this.#open !== null)
      return usageError('EINVAL', 'bind: expected { fd } before anything else is asked of the socket');
    try {
      const { handle } = this.#ensureOpen(target.fd ?? -1);
      const where = target.fd === undefined ? encodeSocketAddress(endpoint, port, this.family) : null;
      const status = this.#native.bind(handle, where);
      if (status < 0) return systemError(status, 'bind', address, port);
      this.#native.poll(handle, READABLE);
      this.#state = 'bound';
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #bound(): Open {
    if (this.#open !== null && this.#state === 'bound') return this.#open;
    throw notRunning();
  }

  /** For sending: binds to a free port when not yet bound, as dgram does. */
  #usable(): Open {
    if (this.#isClosed()) throw notRunning();
    if (this.#answering) throw usageError('EINVAL', 'send: expected a socket without setAnswer; use a second one');
    if (this.#state === 'bound') return this.#ensureOpen(-1);
    const any = this.family === 4 ? '0.0.0.0' : '::';
    this.#state = 'binding';
    const failure = this.#bindNow(this.#endpoint(any), any, { port: 0 });
    if (failure !== null) {
      this.#state = 'unbound';
      throw failure;
    }
    process.nextTick(() => this.#state === 'bound' && this.emit('listening'));
    return this.#ensureOpen(-1);
  }

  #endpoint(address: string, interfaceIndex?: number): Endpoint {
    const endpoint = requireEndpoint(this.#native, address, this.family);
    return interfaceIndex === undefined ? endpoint : { ...endpoint, scope: interfaceIndex };
  }

  #resolve(name: string, done: (error: Error | null, endpoint: Endpoint) => void): void {
    resolveEndpoint(this.#native, name, this.family, this.#options.lookup, done);
  }
}

/** Closes the socket when the signal is aborted, at once when it is already. */
function closeOnAbort(socket: Socket, signal: AbortSignal | undefined, isClosed: () => boolean): void {
  const abort = (): void => {
    if (!isClosed()) socket.close();
  };
  if (signal?.aborted === true) abort();
  else if (signal !== undefined) {
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
  }
}

const isUnspecified = (endpoint: Endpoint): boolean => endpoint.words.every((word) => word === 0);
