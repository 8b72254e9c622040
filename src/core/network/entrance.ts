import { linkNamed } from '../model/addresses.ts';
import type { CheckContext } from '../model/check.ts';
import type { DesiredVip, Service } from '../model/desired.ts';
import { isIpv6 } from '../model/names.ts';
import { ANYWHERE, type Entrance } from './service-sockets.ts';
import { ingressOf, knob, linksOf, replyHops, routingOf, vrfOf } from './ways.ts';

/** By which devices packets for a service come in. With devices of which some are in a VRF and some not, nothing is said about either. */
export function entranceOf(context: CheckContext, vip: DesiredVip, protocol: Service['protocol']): Entrance {
  const links = linksOf(context);
  const own = linkNamed(links, vip.device);
  const enters = [...ingressOf(context, vip), ...(own?.kind === 'vrf' ? [own] : [])];
  const vrfs = new Set(enters.map((link) => vrfOf(links, link)));
  const [vrf] = vrfs;
  if (vrf === undefined || vrfs.size > 1) return ANYWHERE;
  const devices = new Set([...enters.map(({ name }) => name as string), ...(vrf ? [vrf.name] : [])]);
  const accepts = knob(context.observed, `net/ipv4/${protocol}_l3mdev_accept`);
  // Which NICs are in the VRF besides: one that a socket may be bound to.
  for (const { name, master } of vrf ? links : []) if (master === vrf?.name) devices.add(name);
  const routing = routingOf(context);
  const hops = vrf === null && routing !== null ? replyHops(routing, vip.address) : [];
  // A default route of the device itself, if not the one that is chosen, does as well.
  const others = (isIpv6(vip.address) ? [] : (routing?.main ?? [])).filter(({ prefixLength }) => prefixLength === 0);
  const leaves = hops.length > 0 ? [...hops, ...others].map(({ device }) => device as string) : [];
  return { devices: [...devices], deafUnlessBound: vrf !== null && accepts === 0, leaves: [...new Set(leaves)] };
}
