import { type Action, target } from './action.ts';
import { derived } from './derived.ts';
import type { Desired, DesiredVip } from './desired.ts';
import { toBits } from './ip-bits.ts';
import { hostPrefixLength, type InterfaceName, type Ip, isIpv6 } from './names.ts';
import type { Address, Link } from './observed.ts';

/** Names the addresses that rsprep added: `lo:rsprep`. The kernel allows 15 bytes (IFNAMSIZ) with the device's name. */
export function ownLabel(device: InterfaceName): string | null {
  const label = `${device}:rsprep`;
  return label.length <= 15 ? label : null;
}

/** scope host keeps the kernel from using the VIP as a source on the wire (inet_select_addr), even on an unnumbered NIC. */
export const addVip = (vip: DesiredVip): Action => ({
  kind: 'add-address',
  device: vip.device,
  ip: vip.address,
  prefixLength: hostPrefixLength(vip.address),
  scope: isIpv6(vip.address) ? 'global' : 'host',
  label: isIpv6(vip.address) ? null : ownLabel(vip.device),
  deprecated: isIpv6(vip.address),
});

export const deleteAddress = (device: InterfaceName, address: Address): Action => ({
  kind: 'delete-address',
  device,
  ip: address.ip,
  prefixLength: address.prefixLength,
  // IPv6 finds an address by itself alone.
  ...(address.peer !== undefined && !isIpv6(address.ip) ? { peer: address.peer } : {}),
});

const vipsByAddress = derived(
  (vips: Desired['vips']): ReadonlyMap<Ip, DesiredVip> => new Map(vips.map((vip) => [vip.address, vip])),
);

export const findVip = (desired: Desired, ip: Ip): DesiredVip | undefined => vipsByAddress(desired.vips).get(ip);

const linksByName = derived(
  (links: readonly Link[]): ReadonlyMap<string, Link> => new Map(links.map((link) => [link.name, link])),
);

export const linkNamed = (links: readonly Link[], name: string): Link | undefined => linksByName(links).get(name);

export interface Place {
  readonly link: Link;
  readonly address: Address;
}

const placesByAddress = derived((links: readonly Link[]): ReadonlyMap<Ip, readonly Place[]> => {
  const index = new Map<Ip, Place[]>();
  for (const link of links) {
    for (const address of link.addresses) {
      const places = index.get(address.ip);
      if (places) places.push({ link, address });
      else index.set(address.ip, [{ link, address }]);
    }
  }
  return index;
});

/** Every place where an address stands. */
export const placesOf = (links: readonly Link[], ip: Ip): readonly Place[] => placesByAddress(links).get(ip) ?? [];

/** Where an address stands on one device. */
export const onDevice = (links: readonly Link[], vip: { address: Ip; device: InterfaceName }): readonly Address[] =>
  placesOf(links, vip.address)
    .filter(({ link }) => link.name === vip.device)
    .map(({ address }) => address);

/** A VIP where it belongs, with a host prefix; or null. */
export const inPlace = (links: readonly Link[], vip: DesiredVip): Address | null =>
  onDevice(links, vip).find(isHostAddress) ?? null;

/** One address and no prefix around it: neither a wide mask nor a peer, whose address would be taken for this host’s as well. */
export const isHostAddress = ({ ip, prefixLength, peer }: Address): boolean =>
  prefixLength === hostPrefixLength(ip) && peer === undefined;

export const describeAddress = (link: Link, address: Address): string => `${target(address)} on ${link.name}`;

/** Whether a prefix contains an address. */
export function contains(prefix: { ip: Ip; prefixLength: number }, ip: Ip): boolean {
  if (prefix.ip === ip) return true;
  if (isIpv6(prefix.ip) !== isIpv6(ip)) return false;
  if (isIpv6(ip)) {
    const shift = BigInt(128 - prefix.prefixLength);
    return toBits(prefix.ip) >> shift === toBits(ip) >> shift;
  }
  // Asked for every pair of a thousand VIPs and as many routes: no BigInt, and no 32-bit operators, which are signed.
  const size = 2 ** (32 - prefix.prefixLength);
  return Math.floor(toNumber(prefix.ip) / size) === Math.floor(toNumber(ip) / size);
}

/** The number of an IPv4 address. */
function toNumber(ip: Ip): number {
  let sum = 0;
  let part = 0;
  for (let at = 0; at < ip.length; at += 1) {
    const code = ip.charCodeAt(at);
    if (code === DOT) {
      sum = sum * 256 + part;
      part = 0;
    } else part = part * 10 + code - ZERO;
  }
  return sum * 256 + part;
}

const [DOT, ZERO] = [46, 48];

/** Whether two texts are the same address: files spell IPv6 in many ways. */
export function isSameAddress(a: Ip, b: Ip): boolean {
  if (a === b) return true;
  if (!isIpv6(a) || !isIpv6(b) || !looksLikeIpv6(a) || !looksLikeIpv6(b)) return false;
  return toBits(a) === toBits(b);
}

const looksLikeIpv6 = (text: string): boolean => {
  const groups = text.split(':').length;
  return (
    /^[0-9a-f:]+$/i.test(text) &&
    !/[0-9a-f]{5}|:::|::.*::|^:[^:]|[^:]:$/i.test(text) &&
    groups <= (text.includes('::') ? 9 : 8) &&
    (groups === 8 || text.includes('::'))
  );
};
