import type { lookup } from 'node:dns';
import { bytesOf } from './address.ts';
import { OPEN } from './native.ts';

/** A token bucket: `perSecond` datagrams a second on average, `burst` at once (default: a second's worth). */
export interface Rate {
  readonly perSecond: number;
  readonly burst?: number;
}

export interface RateLimit {
  /** For each source prefix. The table has a fixed size: 4 096 prefixes at a time. */
  readonly perSource?: Rate;
  /** For all sources together; larger than perSource, or one source could silence the others. */
  readonly total?: Rate;
  /** Bits of an IPv4 source that share a bucket; default 24. */
  readonly prefix4?: number;
  /** Bits of an IPv6 source that share a bucket; default 56. */
  readonly prefix6?: number;
}

export interface SocketOptions {
  readonly type: 'udp4' | 'udp6';
  /** SO_REUSEADDR. */
  readonly reuseAddr?: boolean;
  /** SO_REUSEPORT: several processes share the port and the kernel spreads sources over them. */
  readonly reusePort?: boolean;
  /** IPV6_V6ONLY; default false: IPv4 arrives as ::ffff:a.b.c.d. */
  readonly ipv6Only?: boolean;
  /** SO_RCVBUF, bytes. */
  readonly recvBufferSize?: number;
  /** SO_SNDBUF, bytes. */
  readonly sendBufferSize?: number;
  readonly lookup?: typeof lookup;
  /** Aborting closes the socket. */
  readonly signal?: AbortSignal;
  /** Datagrams per recvmmsg and sendmmsg call, 1 to 256; default 64. */
  readonly batch?: number;
  /** The longest datagram received, bytes, 1 to 65535; longer ones are dropped and counted. Default 2048. */
  readonly maxPayload?: number;
  /** Only these sources are heard, as addresses or prefixes (`10.0.0.0/24`, `2001:db8::/64`), at most 256. Default: all. */
  readonly allow?: readonly string[];
  /**
   * Has the kernel drop what is outside `allow` before it takes room in the receive buffer. What it drops counts as `kernelDrops`. Of a
   * descriptor that was given to `bind`, what waits in the queue is thrown away. Default false.
   */
  readonly kernelFilter?: boolean;
  readonly rateLimit?: RateLimit;
  /**
   * Also drop what could make two services answer each other (CVE-2024-2169) or answer for others: datagrams from our own
   * port, from our own address off the wire, and to broadcast or multicast addresses. Default false, as dgram.
   */
  readonly strict?: boolean;
}

export interface NativeOptions {
  readonly config: Float64Array;
  readonly allow: Uint8Array;
  readonly batch: number;
  readonly maxPayload: number;
}

/** @throws RangeError or TypeError naming the option, what was expected and what it was */
export function nativeOptions(options: SocketOptions): NativeOptions {
  const batch = integer('batch', options.batch ?? 64, 1, 256);
  const maxPayload = integer('maxPayload', options.maxPayload ?? 2048, 1, 65_535);
  const flags =
    (options.reuseAddr === true ? OPEN.reuseAddr : 0) |
    (options.reusePort === true ? OPEN.reusePort : 0) |
    (options.ipv6Only === true ? OPEN.ipv6Only : 0) |
    (options.strict === true ? OPEN.strict : 0) |
    (options.allow === undefined ? OPEN.allowAll : 0);
  const { perSource, total, prefix4 = 24, prefix6 = 56 } = options.rateLimit ?? {};
  if (perSource !== undefined && total !== undefined && total.perSecond <= perSource.perSecond) {
    throw new RangeError(
      `rateLimit.total must exceed rateLimit.perSource (${perSource.perSecond}/s), received ${total.perSecond}/s: ` +
        'one source could silence all others',
    );
  }
  const config = Float64Array.of(
    options.type === 'udp6' ? 10 : 2,
    flags,
    batch,
    maxPayload,
    integer('rateLimit.prefix4', prefix4, 0, 32),
    integer('rateLimit.prefix6', prefix6, 0, 128),
    ...rate('rateLimit.perSource', perSource),
    ...rate('rateLimit.total', total),
  );
  return { config, allow: allowList(options.allow ?? []), batch, maxPayload };
}

function rate(name: string, value: Rate | undefined): readonly [number, number] {
  if (value === undefined) return [0, 0];
  const burst = value.burst ?? Math.max(1, value.perSecond);
  if (!(value.perSecond > 0 && value.perSecond <= 1e9)) {
    throw new RangeError(`${name}.perSecond must be above 0 and at most 1e9, received ${value.perSecond}`);
  }
  if (!(burst >= 1 && burst / value.perSecond <= 86_400)) {
    throw new RangeError(`${name}.burst must be from 1 to a day's worth, received ${burst}`);
  }
  return [value.perSecond, burst];
}

/** An address or prefix as the addon takes it: 17 bytes, the prefix length of its 128-bit form and the address. Null if it is neither. */
function prefixBytes(entry: string): Uint8Array | null {
  const [text = '', length, ...more] = entry.split('/');
  const address = bytesOf(text);
  const bits = text.includes(':') ? 128 : 32;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (address === null || prefix < 0 || prefix > bits || more.length > 0) return null;
  return Uint8Array.of(prefix + 128 - bits, ...address);
}

/** Whether `allow` takes it: an address, or a prefix such as 10.0.0.0/24. */
export const isPrefix = (entry: string): boolean => prefixBytes(entry) !== null;

function allowList(allow: readonly string[]): Uint8Array {
  if (allow.length > 256) throw new RangeError(`allow takes at most 256 entries, received ${allow.length}`);
  const bytes = new Uint8Array(17 * allow.length);
  allow.forEach((entry, index) => {
    const packed = prefixBytes(entry);
    if (packed === null) {
      throw new TypeError(`allow expects addresses or prefixes such as 10.0.0.0/24, received ${JSON.stringify(entry)}`);
    }
    bytes.set(packed, 17 * index);
  });
  return bytes;
}

function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, received ${value}`);
}
