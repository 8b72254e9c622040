import { contains, findVip, linkNamed, placesOf } from '../model/addresses.ts';
import type { CheckContext } from '../model/check.ts';
import { derived } from '../model/derived.ts';
import { familyOf, hostPrefixLength, type InterfaceName, type Ip, isIpv6 } from '../model/names.ts';
import type { Link, LocalRoute, Observed } from '../model/observed.ts';
import type { Arrival, ReplyHops, RouteAnswer, Routing } from '../model/surroundings.ts';
import { isTunnel } from './devices.ts';

/** What several checks want to know about the ways packets take. Null or empty where it was not or could not be looked at. */

/** An integer sysctl by its slash form. */
export function knob(observed: Observed, path: string): number | null {
  const reading = observed.knobs.get(path);
  return reading?.kind === 'value' ? reading.value : null;
}

export const linksOf = ({ observed }: CheckContext): readonly Link[] =>
  observed.links.kind === 'value' ? observed.links.value : [];

export const routingOf = ({ observed }: CheckContext): Routing | null =>
  observed.routing?.kind === 'value' ? observed.routing.value : null;

/** Answers about one destination, asked without a source. */
export const wayTo = (routing: Routing, to: Ip): RouteAnswer['route'] =>
  routing.answers.find((answer) => answer.to === to && answer.from === null)?.route ?? null;

/** Answers that are about clients: every question that is not about a director. */
export const clientAnswers = ({ desired }: CheckContext, routing: Routing): readonly RouteAnswer[] =>
  routing.answers.filter(({ to }) => !desired.directors.includes(to));

/** Where packets for a VIP come in: the tunnel that holds it, else the devices towards the directors. */
export function ingressOf(context: CheckContext, vip: { address: Ip; device: InterfaceName }): readonly Link[] {
  const own = linkNamed(linksOf(context), vip.device);
  return own && isTunnel(own) ? [own] : towardsDirectors(context)[familyOf(vip.address)];
}

const towardsDirectors = derived((context: CheckContext) => ({
  4: devicesTowards(context, 4),
  6: devicesTowards(context, 6),
}));

function devicesTowards(context: CheckContext, family: 4 | 6): readonly Link[] {
  const links = linksOf(context);
  const routing = routingOf(context);
  if (!routing) return [];
  const { directors } = context.desired;
  const names = directors
    .filter((director) => familyOf(director) === family)
    .map((director) => wayTo(routing, director))
    .filter((way) => way?.type === 'unicast')
    .map((way) => way?.device);
  const behindVrf = directors.flatMap((director) => inVrf(links, director) ?? []);
  return links.filter((link) => (names.includes(link.name) && !behindVrf.length) || behindVrf.includes(link));
}

/** The VRF that a link is in (a VRF is in itself), or null. */
export function vrfOf(links: readonly Link[], link: Link): Link | null {
  if (link.kind === 'vrf') return link;
  return link.master === null ? null : (links.find(({ name, kind }) => kind === 'vrf' && name === link.master) ?? null);
}

/** The NIC in a VRF by which an address is on-link: the table of the VRF has the route, and that is not asked. */
export const inVrf = (links: readonly Link[], ip: Ip): Link | null =>
  links.find((link) => link.up && vrfOf(links, link) !== null && link.addresses.some((a) => contains(a, ip))) ?? null;

/** Where replies from a VIP to a client far away leave: one way or several, by what the kernel has for that VIP. */
export function replyHops(routing: Routing, vip: Ip): ReplyHops['hops'] {
  const hops = routing.hops.find(({ from }) => from === vip)?.hops ?? [];
  if (hops.length > 0) return hops;
  const answers = routing.answers.filter(({ to }) => familyOf(to) === familyOf(vip));
  const reply = answers.find(({ from }) => from === vip)?.route;
  return reply?.device ? [{ device: reply.device, gateway: reply.gateway }] : [];
}

/** What the kernel said about a client’s packet for a VIP that comes in by a device; null where it was not asked. */
export function arrives(routing: Routing, vip: Ip, device: string, client: Arrival['client']): boolean | null {
  const asked = routing.arrivals.filter((a) => a.vip === vip && a.device === device && a.client === client);
  return asked.length === 0 ? null : asked.some(({ accepted }) => accepted);
}

/** Whether any device of this host holds an address. */
export const holds = (context: CheckContext, ip: Ip): boolean => placesOf(linksOf(context), ip).length > 0;

/** Local routes by their destination: one for each address, and few that are wider. */
const localRoutesOf = derived((routes: readonly LocalRoute[]) => {
  const isHost = (r: LocalRoute): boolean => r.prefixLength === hostPrefixLength(r.destination);
  return {
    hosts: new Set(routes.filter(isHost).map(({ destination }) => destination)),
    wide: routes.filter((route) => !isHost(route)),
  };
});

/** Whether the local table takes an address for the host’s own; true as well where it could not be read. */
export function isLocal({ observed: { localRoutes } }: CheckContext, ip: Ip): boolean {
  if (localRoutes.kind !== 'value') return true;
  const { hosts, wide } = localRoutesOf(localRoutes.value);
  return hosts.has(ip) || wide.some(({ destination, prefixLength }) => contains({ ip: destination, prefixLength }, ip));
}

/** The host’s IPv4 addresses on a device, less the VIPs. */
export const ownIpv4 = ({ desired }: CheckContext, link: Link): readonly Ip[] =>
  link.addresses.flatMap(({ ip, scope }) => (isIpv6(ip) || scope === 'host' || findVip(desired, ip) ? [] : [ip]));
