import type { Service } from '../model/desired.ts';
import { type Ip, isIpv6 } from '../model/names.ts';
import type { ServiceSocket, Services } from '../model/surroundings.ts';

/** Where packets for a VIP come in, as far as it matters to a socket. */
export interface Entrance {
  /** Devices, and the VRF they are in, if any; empty where that is not known. */
  readonly devices: readonly string[];
  /** They are in a VRF, and sockets that are bound to no device do not hear what is in one (net/ipv4/PROTOCOL_l3mdev_accept=0). */
  readonly deafUnlessBound: boolean;
  /** By which replies to clients far away leave; empty where that is not known, or where no reply leaves at all. */
  readonly leaves: readonly string[];
}

export const ANYWHERE: Entrance = { devices: [], deafUnlessBound: false, leaves: [] };

/**
 * The sockets that get what comes from the wire for a VIP and port, or null: the most specific wins (net/ipv4/udp.c
 * compute_score(), inet_hashtables.c), several only with SO_REUSEPORT.
 */
export function answersFor(
  sockets: readonly ServiceSocket[],
  vip: Ip,
  { protocol, port }: Pick<Service, 'protocol' | 'port'>,
  entrance: Entrance = ANYWHERE,
): readonly ServiceSocket[] | null {
  const here = sockets.filter((s) => s.protocol === protocol && s.port === port && deafness(s, entrance) === null);
  const ranks: readonly ((socket: ServiceSocket) => boolean)[] = [
    ({ address }) => address === vip,
    ({ address }) => !isIpv6(vip) && address === '0.0.0.0',
    ({ address, only6 }) => address === '::' && (isIpv6(vip) || only6 !== true),
  ];
  for (const rank of ranks) {
    const best = here.filter(rank);
    if (best.length > 0) return best;
  }
  return null;
}

/**
 * Why a socket does not hear what comes in there, or cannot answer it, or null: it does, or nobody can tell. A socket that is
 * bound to a device sends through that one alone (ip_route_output_key_hash_rcu(): flowi4_oif).
 */
function deafness({ device }: ServiceSocket, { devices, deafUnlessBound, leaves }: Entrance): string | null {
  if (device === 'lo') return 'which never receives a packet from the network';
  if (device === '') return deafUnlessBound ? `which does not receive packets from the VRF of ${devices[0]}` : null;
  if (device === null) return null;
  if (devices.length > 0 && !devices.includes(device))
    return `which does not receive packets from ${devices.join(', ')}`;
  return leaves.length > 0 && !leaves.includes(device)
    ? `which cannot answer clients far away: replies leave by ${leaves.join(', ')}`
    : null;
}

export const isWildcard = ({ address }: ServiceSocket): boolean => address === '0.0.0.0' || address === '::';

/** `0.0.0.0:53 of named (pid 812)`. */
export function describeSocket({ address, port, device, process }: ServiceSocket): string {
  const host = isIpv6(address) ? `[${address}]` : address;
  return `${host}${device ? `%${device}` : ''}:${port}${process ? ` of ${process}` : ''}`;
}

/** What there is on a port instead of what was wanted. */
export function describeNear(near: readonly ServiceSocket[], other: Services['elsewhere'], entrance: Entrance): string {
  if (near.length === 0 && other.length === 0) return 'nothing listens there';
  if (near.length === 0) {
    const names = [...new Set(other.map(({ process }) => process))];
    return `nothing here, but ${names.slice(0, 3).join(', ')} in another network namespace`;
  }
  return near
    .map((socket) => [describeSocket(socket), deafness(socket, entrance)].filter(Boolean).join(', '))
    .join('; ');
}
