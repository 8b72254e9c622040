import { linkNamed } from '../model/addresses.ts';
import { type InterfaceName, type Ip, isIpv6 } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';

/** Numbers of rt_scope_t (linux/rtnetlink.h). */
const SCOPE: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };
const LINK = 253;

const scopeOf = ({ scope }: Address): number => SCOPE[scope] ?? Number(scope);
const primaries = ({ addresses }: Link): readonly Address[] =>
  addresses.filter(({ ip, secondary }) => !isIpv6(ip) && !secondary);

/**
 * What the kernel takes for the ARP sender, and for the source of a packet without one, on a device: inet_select_addr()
 * (net/ipv4/devinet.c) with arp_announce=2, as far as the target does not decide. The device’s own first; without any, its
 * VRF, then every device in the order of their making, which begins with lo.
 * @returns null when there is nothing to choose: ARP then goes out with 0.0.0.0
 */
export function selectSource(links: readonly Link[], device: InterfaceName): Ip | null {
  const link = linkNamed(links, device);
  if (!link) return null;
  const own = primaries(link).find((address) => scopeOf(address) <= LINK);
  if (own) return own.ip;
  const master = vrfOf(links, link);
  const order = [...links].sort((a, b) => a.index - b.index);
  const candidates = [...(master ? [master] : []), ...order.filter((other) => vrfOf(links, other) === master)];
  for (const candidate of candidates) {
    const address = primaries(candidate).find((a) => scopeOf(a) < LINK);
    if (address) return address.ip;
  }
  return null;
}

const vrfOf = (links: readonly Link[], link: Link): Link | null =>
  link.kind === 'vrf' ? link : (links.find(({ name, kind }) => kind === 'vrf' && name === link.master) ?? null);
