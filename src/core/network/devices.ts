// What a device is, by its kind: whether it has a wire, answers ARP, or brings packets out of a tunnel.
import { findVip } from '../model/addresses.ts';
import type { CheckContext } from '../model/check.ts';
import type { Link } from '../model/observed.ts';

export const isSilent = (link: Link): boolean => link.loopback || link.kind === 'dummy';

/**
 * Whether a configured device answers ARP for what it holds: everything with a wire does, and so does whatever has addresses of
 * its own. A bridge is a wire as soon as it has ports. Tunnels and VRF devices do no ARP; a NIC with `arp off` may do it any time.
 */
export function isNic(context: CheckContext, links: readonly Link[], link: Link): boolean {
  if (isSilent(link)) return false;
  const wireless =
    (link.noArp && WITHOUT_WIRE.test(link.kind ?? '')) ||
    (link.kind === 'bridge' && !links.some(({ master }) => master === link.name));
  return !wireless || link.addresses.some((a) => a.scope === 'global' && !findVip(context.desired, a.ip));
}

/** Kinds of ip-link(8) that are IFF_NOARP from the beginning. */
const WITHOUT_WIRE = /^(vrf|ipip|sit|gre|ip6gre|ip6tnl|vti|vti6|xfrm|tun|wireguard|nlmon)$/;

/** LVS-TUN: the director sends the packet inside another one. */
export const isTunnel = ({ kind }: Link): boolean => /^(ipip|sit|gre|ip6tnl|fou)/.test(kind ?? '');

/** Kinds of ip-link(8) with an Ethernet of their own; everything else is NOARP by nature. */
export const mayHaveArp = ({ kind, loopback }: Link): boolean =>
  !loopback && (kind === null || /^(veth|vlan|bond|bridge|team|macvlan|macvtap|gretap|tap)$/.test(kind));
