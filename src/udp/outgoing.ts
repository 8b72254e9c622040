import { systemError, usageError } from './errors.ts';
import type { Current, RemoteInfo } from './incoming.ts';
import { type Handle, loadNative } from './native.ts';
import { OUT, type Shared } from './records.ts';
import type { Endpoint } from './socket-address.ts';

/** As dgram: `(null, bytes)`, or the error alone. */
export type SendCallback = (error: Error | null, bytes: number) => void;

export interface Datagram {
  readonly message: Uint8Array;
  readonly port: number;
  readonly to: Endpoint;
  /** As the caller wrote it, for errors. */
  readonly address: string;
  /** The address to send from; null lets the kernel choose. */
  readonly from: Endpoint | null;
  readonly callback: SendCallback | undefined;
}

/** Whom to tell of a datagram. */
interface Waiting {
  readonly callback: SendCallback;
  readonly address: string;
  readonly port: number;
}

/** Datagrams that wait while the kernel's send buffer is full; one more fails with ENOBUFS. */
const BACKLOG_MAX = 4096;
const READABLE = 1;
const WRITABLE = 2;

/** Gathers datagrams and sends them with one sendmmsg(2) a batch. */
export class Outgoing {
  readonly #native = loadNative();
  readonly #handle: Handle;
  readonly #shared: Shared;
  readonly #batch: number;
  /** By slot. Empty, so that nothing need be looked through, when nobody waits. */
  #callbacks = new Map<number, Waiting>();
  #backlog: Datagram[] = [];
  #first = 0;
  #count = 0;
  #bytes = 0;
  #blocked = false;
  #scheduled = false;
  /** While a batch of messages is handed out, replies are gathered and sent at its end. */
  held = false;
  readonly current: Current = { info: null, index: 0, address: '', localAddress: '', port: 0 };

  constructor(handle: Handle, shared: Shared, batch: number) {
    this.#handle = handle;
    this.#shared = shared;
    this.#batch = batch;
  }

  /** Datagrams not yet handed to the kernel. */
  get waiting(): number {
    return this.#count - this.#first + this.#backlog.length;
  }

  /** Bytes not yet handed to the kernel. */
  get waitingBytes(): number {
    const { outRecords } = this.#shared;
    let bytes = this.#backlog.reduce((sum, { message }) => sum + message.length, 0);
    for (let slot = this.#first; slot < this.#count; slot++) bytes += outRecords[slot * OUT.words + OUT.length] ?? 0;
    return bytes;
  }

  add(datagram: Datagram): void {
    const { message } = datagram;
    if (message.length > this.#shared.outbox.length) {
      fail(datagram, -90); // EMSGSIZE
      return;
    }
    if (!this.#blocked && !this.#fits(message.length)) this.flush();
    if (this.#blocked || this.#backlog.length > 0) this.#wait(datagram);
    else this.#write(datagram);
    if (this.held || this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Answers the datagram being handed out from its record; false when `rinfo` is another, was changed, or there is no room. */
  answer(message: Uint8Array, rinfo: Pick<RemoteInfo, 'address' | 'port' | 'localAddress'>): boolean {
    const { info, index, address, localAddress, port } = this.current;
    if (rinfo !== info || rinfo.address !== address || rinfo.localAddress !== localAddress) return false;
    if (rinfo.port !== port || this.#blocked || !this.#fits(message.length)) return false;
    this.#shared.outRecords[this.#begin(message) + OUT.answers] = index + 1;
    return true;
  }

  /** Sends what is gathered. When the kernel takes no more, goes on as soon as the socket is writable. */
  flush(): void {
    while (!this.#blocked && (this.#count > 0 || this.#backlog.length > 0)) {
      if (this.#count === 0) this.#refill();
      const next = this.#native.flush(this.#handle, this.#first, this.#count);
      if (this.#callbacks.size > 0) for (let slot = this.#first; slot < next; slot++) this.#settle(slot);
      this.#first = next;
      if (next < this.#count) {
        this.#blocked = true;
        this.#native.poll(this.#handle, READABLE | WRITABLE);
        return;
      }
      this.#first = this.#count = this.#bytes = 0;
    }
  }

  writable(): void {
    this.#blocked = false;
    this.#native.poll(this.#handle, READABLE);
    this.flush();
  }

  /** Nothing more is sent: every waiting callback fails. */
  end(): void {
    const error = usageError('ECANCELED', 'send: the socket was closed before the datagram was sent');
    for (const { callback } of this.#callbacks.values()) process.nextTick(callback, error);
    for (const { callback } of this.#backlog) if (callback !== undefined) process.nextTick(callback, error);
    this.#callbacks.clear();
    this.#backlog = [];
    this.#first = this.#count = 0;
  }

  #fits(length: number): boolean {
    return this.#count < this.#batch && this.#bytes + length <= this.#shared.outbox.length;
  }

  #wait(datagram: Datagram): void {
    if (this.#backlog.length < BACKLOG_MAX) this.#backlog.push({ ...datagram, message: datagram.message.slice() });
    else fail(datagram, -105); // ENOBUFS
  }

  #refill(): void {
    let taken = 0;
    for (const datagram of this.#backlog) {
      if (!this.#fits(datagram.message.length)) break;
      this.#write(datagram);
      taken++;
    }
    this.#backlog.splice(0, taken);
  }

  #write({ message, port, to, from, address, callback }: Datagram): void {
    const { outRecords } = this.#shared;
    if (callback !== undefined) this.#callbacks.set(this.#count, { callback, address, port });
    const at = this.#begin(message);
    outRecords[at + OUT.answers] = 0;
    outRecords[at + OUT.port] = port;
    outRecords[at + OUT.scope] = to.scope;
    outRecords[at + OUT.hasLocal] = from === null ? 0 : 1;
    for (let i = 0; i < to.words.length; i++) {
      outRecords[at + OUT.peer + i] = to.words[i] ?? 0;
      if (from !== null) outRecords[at + OUT.local + i] = from.words[i] ?? 0;
    }
    outRecords[at + OUT.localInterface] = from === null ? 0 : from.scope;
  }

  /** Takes the next slot for a message that fits; the first word of its record. */
  #begin(message: Uint8Array): number {
    const { outRecords, outbox } = this.#shared;
    const at = this.#count * OUT.words;
    outRecords[at + OUT.offset] = this.#bytes;
    outRecords[at + OUT.length] = message.length;
    outbox.set(message, this.#bytes);
    this.#bytes += message.length;
    this.#count++;
    return at;
  }

  #settle(slot: number): void {
    const waiting = this.#callbacks.get(slot);
    if (waiting === undefined) return;
    this.#callbacks.delete(slot);
    const result = this.#shared.outResults[slot * OUT.words + OUT.result] ?? 0;
    if (result < 0) fail(waiting, result);
    else process.nextTick(waiting.callback, null, this.#shared.outRecords[slot * OUT.words + OUT.length] ?? 0);
  }
}

function fail({ callback, address, port }: Pick<Datagram, 'callback' | 'address' | 'port'>, errno: number): void {
  if (callback !== undefined) process.nextTick(callback, systemError(errno, 'send', address, port));
}
