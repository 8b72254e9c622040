import type { Handle, Native } from './native.ts';

/** In the order of `enum counter` in src/native/udp/engine.h. */
export const COUNTERS = [
  'received',
  'sent',
  'kernelDrops',
  'truncated',
  'controlTruncated',
  'malformed',
  'denied',
  'limited',
  'badSource',
  'notUnicast',
  'noAddress',
  'addressGone',
  'filtered',
  'sendErrors',
  'wouldBlock',
  'receiveErrors',
  'votes',
  'statuses',
  'silent',
  'expired',
] as const;

/**
 * Datagrams since the socket was opened.
 * - `received`, `sent`: passed the guards; accepted by the kernel for sending
 * - `kernelDrops`: lost because the receive buffer was full (SO_RXQ_OVFL, SO_MEMINFO), or dropped by `kernelFilter`
 * - `truncated`: longer than maxPayload; `controlTruncated`: came without room for their address (MSG_CTRUNC)
 * - `malformed`: no request of the health protocol (only while answering natively)
 * - `denied`: source outside `allow`; `limited`: over a rate limit
 * - `badSource`: source port 0; when strict also our own port or address, or a source that is not unicast
 * - `notUnicast`: sent to a broadcast or multicast address (when strict); `noAddress`: the kernel told no destination
 * - `addressGone`: the address to answer from has left this host, or no route (IPv4 ENETUNREACH, IPv6 EINVAL)
 * - `filtered`: EPERM, a firewall dropped what we sent; `sendErrors`: any other error
 * - `wouldBlock`: how often the send buffer was full; `receiveErrors`: failed recvmmsg calls
 * - `votes`, `statuses`: answered natively; `silent`: not vouched for, so not answered; `expired`: nobody renewed the lease
 */
export type SocketStats = Readonly<Record<(typeof COUNTERS)[number], number>>;

const zeros = (): number[] => COUNTERS.map(() => 0);

export function readStats(native: Native, handle: Handle | null): SocketStats {
  const values = handle === null ? zeros() : new Float64Array(COUNTERS.length);
  if (values instanceof Float64Array && handle !== null) native.stats(handle, values);
  return Object.fromEntries(COUNTERS.map((name, index) => [name, values[index] ?? 0])) as SocketStats;
}
