import { inPlace, linkNamed } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import type { DesiredVip } from '../model/desired.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { familyOf, type Ip, isIpv6 } from '../model/names.ts';
import type { Link } from '../model/observed.ts';
import type { RouteAnswer, Routing } from '../model/surroundings.ts';
import { mayHaveArp } from '../network/devices.ts';
import { arrives, holds, ingressOf, isLocal, knob, linksOf, routingOf, vrfOf, wayTo } from '../network/ways.ts';
import { coveredBy } from './local-route.ts';

/** VIPs that are where they belong, on a device that is up and in no VRF: of a VRF’s tables nothing was asked. */
function reachable(context: CheckContext): readonly DesiredVip[] {
  const links = linksOf(context);
  return context.desired.vips.filter((vip) => {
    const link = linkNamed(links, vip.device);
    return link?.up && inPlace(links, vip) && !vrfOf(links, link);
  });
}

const outside = (links: readonly Link[], link: Link): boolean => vrfOf(links, link) === null;
const leavesHost = (answer: RouteAnswer['route'] | undefined): boolean => answer?.type === 'unicast';

export const vipUnroutable: Check = {
  id: 'vip-unroutable',
  title: 'The kernel accepts packets for the VIP',
  severity: 'high',
  silences: true,
  culprit: 'address-owner',
  looksAt:
    'The local routing table, which must have a route for each VIP that is on its device. And whether the kernel would accept a packet for the VIP on the interface towards the directors, from a director’s address and from an address far away (`ip route get VIP from CLIENT iif INTERFACE`): that covers rules (ip rule), unreachable routes and source validation. Without directors in the configuration rsprep asks only `ip route get VIP`. For a VIP whose packets it refuses, the kernel does not answer ARP either, whatever the ARP settings are. Not asked inside a VRF, or about more than 32 VIPs of a family.',
  why: 'The address is there, but a rule or a missing local route makes the kernel forward, refuse or drop the clients’ packets.',
  fix: 'ip rule; ip route show table local: delete the rule that is in the way, or delete the VIP and run rsprep apply, which adds address and local route again.',
  source: 'net/ipv4/route.c ip_route_input_slow(), net/core/fib_rules.c fib_rules_lookup(); ip-rule(8)',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const routing = routingOf(context);
    return reachable(context).flatMap((vip): readonly Verdict[] => {
      const { address } = vip;
      if (!isLocal(context, address)) {
        return [unroutable(vip, `no local route for ${address}, although the address is there`, null, 'silence')];
      }
      const plain = routing?.own.find(({ to }) => to === address);
      if (plain && plain.route?.type !== 'local')
        return [
          unroutable(
            vip,
            `the kernel calls ${address} ${plain.route?.type ?? 'unreachable'}`,
            plain.route?.type === 'anycast' ? `vip6-anycast@${address}` : null,
            'alarm',
          ),
        ];
      const refused = routing === null ? null : refusedBy(context, routing, vip);
      return refused === null ? [] : [unroutable(vip, refused.seen, refused.rootedIn, 'alarm')];
    });
  },
};

/** The device by which the kernel would not take a client’s packet in, and what else explains it. */
function refusedBy(
  context: CheckContext,
  routing: Routing,
  vip: DesiredVip,
): { readonly seen: string; readonly rootedIn: string | null } | null {
  const links = linksOf(context);
  for (const { name: device, up } of ingressOf(context, vip).filter((link) => outside(links, link))) {
    if (!up) continue;
    const [far, near] = (['far', 'near'] as const).map((client) => arrives(routing, vip.address, device, client));
    // Where no reply could leave anyway, what is refused are no clients.
    const farReply = routing.answers.find(({ to, from }) => from === vip.address && !isDirector(context, to))?.route;
    const filter = Math.max(...['all', device].map((n) => knob(context.observed, `net/ipv4/conf/${n}/rp_filter`) ?? 0));
    const filtered = !isIpv6(vip.address) && filter > 0;
    if (near === false)
      return { seen: `by ${device} not even packets from a director`, rootedIn: rootOf(context, routing, vip) };
    if (far === false && leavesHost(farReply)) {
      return {
        seen: `by ${device} no packets from a client far away`,
        rootedIn: filtered ? `rp-filter@${device}` : null,
      };
    }
  }
  return null;
}

/** What else makes the kernel refuse a director’s packet: the director looks like this host, or there is no way back to it. */
function rootOf(context: CheckContext, routing: Routing, { address }: DesiredVip): string | null {
  const local = context.desired.directors.map((director) => coveredBy(context, director)).find((id) => id !== null);
  if (local) return local;
  const back = routing.nearReplies.filter(({ from }) => from === address);
  return back.length > 0 && back.every(({ route }) => !leavesHost(route ?? undefined))
    ? `no-way-back@${address}`
    : null;
}

const isDirector = ({ desired }: CheckContext, ip: Ip): boolean => desired.directors.includes(ip);

/** Silence is only for what the local table itself says: a question that the kernel answers oddly must not empty a farm. */
const unroutable = (
  { address }: DesiredVip,
  seen: string,
  rootedIn: string | null,
  vouch: 'silence' | 'alarm',
): Verdict =>
  wrong({
    subject: address,
    severity: 'high',
    wanted: `packets for ${address} taken in`,
    seen,
    why: 'The VIP is on this host, but the kernel does not accept packets for it: this real server drops its share of the traffic.',
    fix: 'ip rule show; ip route show table local: look for a rule that comes before the local table, or for a missing route',
    demand: { kind: 'vip', ip: address },
    vips: [address],
    vouch,
    rootedIn,
  });

export const noWayBack: Check = {
  id: 'no-way-back',
  title: 'Replies from the VIP have a way out',
  severity: 'high',
  looksAt:
    '`ip route get` from each VIP to an address far away and to each director: if the host’s own packets have a route there, packets from the VIP must have one too. Not asked inside a VRF, without a default route, or about more than 32 VIPs of a family.',
  why: 'A rule for the VIP (ip rule from VIP) that ends in an unreachable, blackhole or empty table swallows every reply, while everything else on this host works.',
  fix: 'ip rule show; ip route show table all: correct the rule or the table that it leads to.',
  source: 'net/ipv4/route.c ip_route_output_key_hash_rcu(), net/core/fib_rules.c; ip-rule(8)',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    return reachable(context).flatMap((vip): readonly Verdict[] => {
      const lost = [
        ...routing.answers.filter(({ to, from }) => from === vip.address && !isDirector(context, to)),
        ...routing.nearReplies.filter(({ from }) => from === vip.address),
      ].filter(({ to, route }) => !leavesHost(route ?? undefined) && leavesHost(ownWay(routing, to)));
      const [first] = lost;
      if (!first || familyOf(first.to) !== familyOf(vip.address)) return [];
      return [
        wrong({
          subject: vip.address,
          severity: 'high',
          wanted: `a way from ${vip.address} to its clients`,
          seen: `no route from ${vip.address} to ${lost.map(({ to }) => to).join(', ')}, although this host’s own packets have one`,
          why: 'Requests arrive, but no reply leaves: the clients of this real server get no answer.',
          fix: `ip rule show; ip route get ${first.to} from ${vip.address}`,
          demand: { kind: 'host' },
          vips: [vip.address],
        }),
      ];
    });
  },
};

const ownWay = (routing: Routing, to: Ip): RouteAnswer['route'] | undefined => wayTo(routing, to) ?? undefined;

export const ripMissing: Check = {
  id: 'rip-missing',
  title: 'The configured RIP is an address of this host',
  severity: 'advice',
  looksAt: '`rip:` of the configuration, where it is given: one of this host’s addresses.',
  why: 'rsprep asks services and return paths from the RIP, and tells a VIP on a NIC from the host’s own address by it. With a wrong RIP the answers are about another host.',
  fix: 'Correct `rip:`, or leave it out: rsprep then finds it by the route towards the directors.',
  source: 'docs/configuration.md',
  early: false,
  run: (context) => {
    const { links } = context.observed;
    const { rip } = context.desired;
    if (rip === null || links.kind !== 'value' || holds(context, rip)) return [];
    const outward = links.value.filter(({ loopback }) => !loopback);
    const own = outward.flatMap(({ addresses, name }) => addresses.map(({ ip }) => `${ip} on ${name}`)).slice(0, 5);
    return [
      wrong({
        subject: rip,
        severity: 'advice',
        wanted: `${rip} on a NIC of this host`,
        seen: `on no interface; this host has ${own.length > 0 ? own.join(', ') : 'only addresses on lo'}`,
        why: 'rsprep asks services and return paths from the RIP: with a wrong one the answers say nothing about this host.',
        fix: 'correct `rip:`, or leave it out: rsprep then finds it by the route towards the directors',
        demand: { kind: 'configuration' },
      }),
    ];
  },
};

export const nicNoArp: Check = {
  id: 'nic-noarp',
  title: 'The NIC towards the director speaks ARP',
  severity: 'high',
  looksAt:
    'The flag NOARP (ip link show) of the devices that lead to a director or to the clients. Tunnels are not looked at.',
  why: 'With `arp off` (the "-arp" of old guides) the whole NIC answers no ARP: neither the director nor the gateway finds this host’s own address.',
  fix: 'ip link set NIC arp on. rsprep apply keeps the VIP silent without `arp off`.',
  source: 'net/ipv4/arp.c arp_rcv(), arp_constructor(); ip-link(8)',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    const used = new Set(routing.answers.map(({ route }) => route?.device));
    return linksOf(context)
      .filter((link) => used.has(link.name) && link.up && link.noArp && mayHaveArp(link))
      .map(({ name }) =>
        wrong({
          subject: name,
          severity: 'high',
          wanted: `${name} without NOARP`,
          seen: `${name} has the flag NOARP`,
          why: 'No host of that segment can find this one: packets from the director and the gateway do not arrive.',
          fix: `ip link set ${name} arp on`,
          demand: { kind: 'host' },
        }),
      );
  },
};
