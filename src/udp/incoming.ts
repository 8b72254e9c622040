import { textOf4, textOf6 } from './address.ts';
import { loadNative } from './native.ts';
import { IN } from './records.ts';

/** Where a datagram came from, as dgram's rinfo, and what dgram cannot tell: which of our addresses it was sent to. */
export interface RemoteInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
  /** Length of the datagram, bytes. */
  size: number;
  /** The address to answer from: what was asked, or our unicast address on that link for a broadcast. `reply()` uses it. */
  localAddress: string;
  /** Destination in the datagram's IP header; a broadcast or multicast address for such datagrams. */
  destination: string;
  /** Index of the interface it came in by, as in `ip link`. */
  interfaceIndex: number;
}

/** The datagram being handed out: its answer needs no address parsed. */
export interface Current {
  info: RemoteInfo | null;
  /** Which of its batch. */
  index: number;
  address: string;
  localAddress: string;
  port: number;
}

/** Node's own class behind Buffer: a view made with it costs half of what Buffer.from() takes. */
const BufferView = bufferClass();

/** Hands each datagram of a batch to `deliver`; their bytes lie in `memory`, where nothing else is ever written. */
export function readBatch(
  records: Uint32Array,
  family: 4 | 6,
  messages: number,
  memory: ArrayBuffer,
  current: Current,
  deliver: (message: Buffer, rinfo: RemoteInfo) => void,
): void {
  for (let i = 0; i < messages; i++) {
    const at = i * IN.words;
    const info = family === 4 ? describe4(records, at) : describe6(records, at);
    current.info = info;
    current.index = i;
    current.address = info.address;
    current.localAddress = info.localAddress;
    current.port = info.port;
    deliver(new BufferView(memory, records[at + IN.offset] ?? 0, info.size), info);
  }
  current.info = null;
}

function bufferClass(): new (memory: ArrayBuffer, offset: number, length: number) => Buffer {
  const candidate: unknown = Reflect.get(Buffer, Symbol.species);
  if (typeof candidate === 'function') {
    const view: unknown = Reflect.construct(candidate, [new ArrayBuffer(1), 0, 1]);
    if (Buffer.isBuffer(view) && Object.getPrototypeOf(view) === Buffer.prototype) return candidate as never;
  }
  return function view(memory: ArrayBuffer, offset: number, length: number) {
    return Buffer.from(memory, offset, length);
  } as never;
}

function describe4(records: Uint32Array, at: number): RemoteInfo {
  const local = records[at + IN.local] ?? 0;
  const destination = records[at + IN.destination] ?? 0;
  const localAddress = textOf4(local);
  return {
    address: textOf4(records[at + IN.peer] ?? 0),
    family: 'IPv4',
    port: records[at + IN.port] ?? 0,
    size: records[at + IN.length] ?? 0,
    localAddress,
    destination: destination === local ? localAddress : textOf4(destination),
    interfaceIndex: records[at + IN.interface] ?? 0,
  };
}

function describe6(records: Uint32Array, at: number): RemoteInfo {
  const interfaceIndex = records[at + IN.interface] ?? 0;
  return {
    address: scoped(address6(records, at + IN.peer), records[at + IN.scope] ?? 0),
    family: 'IPv6',
    port: records[at + IN.port] ?? 0,
    size: records[at + IN.length] ?? 0,
    localAddress: scoped(address6(records, at + IN.local), interfaceIndex),
    destination: address6(records, at + IN.destination),
    interfaceIndex,
  };
}

const address6 = (records: Uint32Array, at: number): string =>
  textOf6(records[at] ?? 0, records[at + 1] ?? 0, records[at + 2] ?? 0, records[at + 3] ?? 0);

/** Link-local addresses carry their interface's name, as dgram's do; others need none. */
export function scoped(address: string, index: number): string {
  if (!/^fe[89ab]/.test(address) || index === 0) return address;
  return `${address}%${loadNative().interfaceName(index) || index}`;
}
