import { type Answers, encodeAnswers } from './answer.ts';
import { systemError, usageError } from './errors.ts';
import type { RemoteInfo } from './incoming.ts';
import type { Open } from './open.ts';
import type { SendCallback } from './outgoing.ts';
import { type Endpoint, parseEndpoint } from './socket-address.ts';
import { type Message, sendArguments, toBytes } from './socket-arguments.ts';
import { SocketLife } from './socket-life.ts';

export type RemoteInfoListener = (message: Buffer, rinfo: RemoteInfo) => void;

/**
 * A UDP socket like node:dgram's that knows which of this host's addresses each datagram was sent to, and answers from it.
 * Receives with recvmmsg(2), sends with sendmmsg(2): replies made while a batch of messages is handed out leave together.
 *
 * Differs from dgram: no connect(), no sharing in a cluster (use reusePort), and promises that a listener starts settle after
 * the whole batch was handed out.
 */
export class Socket extends SocketLife {
  #answering = false;

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
    if (this.waits((failure) => (failure === null ? this.send(message, ...given) : callback?.(failure, 0)))) return;
    const open = this.#sending();
    const from =
      options.localAddress === undefined ? null : this.endpoint(options.localAddress, options.interfaceIndex);
    const to = parseEndpoint(this.native, address, this.family);
    if (to !== null) {
      open.outgoing.add({ message: bytes, port, to, from, address, callback });
      return;
    }
    this.resolve(address, (error, endpoint) => {
      if (error !== null) {
        if (callback !== undefined) callback(error, 0);
        else this.emit('error', error);
      } else this.open?.outgoing.add({ message: bytes, port, to: endpoint, from, address, callback });
    });
  }

  /** Answers a datagram from the address it was sent to. Failures without a callback are only counted, in `stats()`. */
  reply(message: Message, rinfo: Pick<RemoteInfo, 'address' | 'port' | 'localAddress'>, callback?: SendCallback): void {
    if (this.waits((failure) => (failure === null ? this.reply(message, rinfo, callback) : callback?.(failure, 0))))
      return;
    const open = this.#sending();
    const bytes = toBytes(message);
    if (callback === undefined && open.outgoing.answer(bytes, rinfo)) return;
    const to = this.endpoint(rinfo.address);
    const from = this.endpoint(rinfo.localAddress);
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
   * `renewAnswers`, before the lease ends; else votes go unanswered.
   * @throws TypeError for a subject that is no address or occurs twice; SocketError when no thread can be started, or what was sent still waits
   */
  setAnswers(given: Answers | null): void {
    const open = this.bound();
    if (this.options.strict !== true)
      throw usageError('EINVAL', 'setAnswers needs a socket made with { strict: true }');
    const table = given === null ? null : encodeAnswers(given.answers);
    // The thread takes over the buffers in which what is sent waits.
    if (!this.#answering) open.outgoing.flush();
    if (!this.#answering && open.outgoing.waiting > 0)
      throw usageError('EBUSY', 'setAnswers: expected all that was sent to have left; wait for the callbacks of send');
    const until = given === null ? 0 : (given.sinceMs ?? this.native.bootMs()) + given.leaseMs;
    const status = this.native.answer(open.handle, table, until);
    if (status < 0) throw systemError(status, 'setAnswers');
    this.#answering = true;
  }

  /** The answers last given hold for another `leaseMs`, from now or from `sinceMs` as setAnswers has it. */
  renewAnswers(leaseMs: number, sinceMs = this.native.bootMs()): void {
    if (!this.#answering) throw usageError('EINVAL', 'renewAnswers: expected setAnswers to have been called before');
    this.native.answer(this.bound().handle, null, sinceMs + leaseMs);
  }

  getSendQueueCount(): number {
    return this.open?.outgoing.waiting ?? 0;
  }

  /** Bytes. */
  getSendQueueSize(): number {
    return this.open?.outgoing.waitingBytes ?? 0;
  }

  #sending(): Open {
    if (this.#answering && !this.isClosed())
      throw usageError('EINVAL', 'send: expected a socket without setAnswers; use a second one');
    return this.usable();
  }
}

const isUnspecified = (endpoint: Endpoint): boolean => endpoint.words.every((word) => word === 0);
