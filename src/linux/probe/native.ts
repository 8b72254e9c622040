import { failed, type ProbeFailure, type Tried } from '../../probe/result.ts';
import { loadNative } from '../../udp/native.ts';
import { errnoText } from './errno.ts';

/** What src/native/packet/packet.c adds to the addon. A negative number is a negated errno. */
export interface Packets {
  /** A descriptor of a new, empty network namespace. */
  newNamespace(): number;
  /** socket(2), non-blocking, in a namespace; -1 for the own one. */
  openIn(namespace: number, family: number, type: number, protocol: number): number;
  bindTo(fd: number, address: Uint8Array): number;
  connectTo(fd: number, address: Uint8Array): number;
  listenOn(fd: number): number;
  nameOf(fd: number, into: Uint8Array): number;
  sendBytes(fd: number, bytes: Uint8Array, to: Uint8Array | null): number;
  setSocketOption(fd: number, level: number, name: number, value: Uint8Array): number;
  getSocketOption(fd: number, level: number, name: number): number;
  attachFilter(fd: number, program: Uint8Array): number;
  /** poll(2) on one descriptor: its revents, 0 when nothing came in time. */
  waitOn(fd: number, events: number, timeoutMs: number): number;
  /** How many; four words of `info` for each: index in `fds`, offset of its socket address, length, negated errno. */
  receiveBytes(fds: Int32Array, timeoutMs: number, into: Uint8Array, info: Int32Array): number;
}

/** Bytes of a socket address before each datagram of receiveBytes(). */
export const ADDRESS_ROOM = 32;
export const FAMILY = { inet: 2, inet6: 10, packet: 17 } as const;
export const SOCKET = { stream: 1, datagram: 2, raw: 3 } as const;
export const POLL_OUT = 4;

/** The addon, or why there is none. */
export function loadPackets(): Tried<Packets> {
  try {
    const addon = loadNative() as unknown as Partial<Packets>;
    if (addon.newNamespace === undefined) throw new Error('the addon is older than this program');
    return { kind: 'ok', value: addon as Packets };
  } catch (error) {
    return failed({
      kind: 'failed',
      message: `probes need rsprep's addon: ${error instanceof Error ? error.message : String(error)}`,
      next: 'install the whole package; in a checkout: node scripts/build-native.mjs',
    });
  }
}

/** @param status a negated errno */
export function systemFailure(what: string, status: number): ProbeFailure {
  const { text, privilege } = errnoText(status);
  return {
    kind: privilege ? 'permission' : 'failed',
    message: `${what}: ${text}`,
    next: privilege ? 'run this as root (CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN)' : 'see the kernel log',
  };
}
