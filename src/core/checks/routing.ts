import type { Check } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { type Ip, isIpv6 } from '../model/names.ts';
import { isTunnel } from '../network/devices.ts';
import {
  arrives,
  clientAnswers,
  holds,
  ingressOf,
  inVrf,
  knob,
  linksOf,
  replyHops,
  routingOf,
  vrfOf,
  wayTo,
} from '../network/ways.ts';
import { coveredBy } from './local-route.ts';

export const directorOffLink: Check = {
  id: 'director-off-link',
  title: 'Each director is on the same segment',
  severity: 'high',
  looksAt:
    'What the kernel answers to `ip route get DIRECTOR`: a device and no gateway. Not asked where the VIP is on a tunnel (LVS-TUN).',
  why: 'Direct routing rewrites the destination MAC address and nothing else: a router between the director and this host would send the packet back to the VIP.',
  fix: 'Put both on one segment, correct `directors:`, or use LVS-TUN.',
  source: 'net/netfilter/ipvs/ip_vs_xmit.c ip_vs_dr_xmit(); ip-route(8)',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const routing = routingOf(context);
    const links = linksOf(context);
    const tunnelled = context.desired.vips.every(({ device }) => links.some((l) => l.name === device && isTunnel(l)));
    if (!routing || (tunnelled && context.desired.vips.length > 0)) return [];
    return context.desired.directors.flatMap((director): readonly Verdict[] => {
      const way = wayTo(routing, director);
      const own = holds(context, director);
      if (own && context.desired.role === 'localnode') return [];
      if (!own && inVrf(links, director)) return [];
      if (way !== null && way.gateway === null && way.type === 'unicast') return [];
      const seen = own
        ? `${director} is an address of this host`
        : way === null
          ? `no route to ${director}`
          : way.type !== 'unicast'
            ? `${director} is ${way.type} here`
            : `${director} is reached through the router ${way.gateway}`;
      return [
        wrong({
          subject: director,
          severity: 'high',
          wanted: `${director} on a segment of this host`,
          seen,
          why: 'The director hands packets over by MAC address alone, so it can reach only hosts on its own segment.',
          fix: own
            ? 'correct `directors:`, or set `role: localnode` if this host is a director too'
            : 'correct `directors:`, or give this host an address on the director’s segment',
          demand: { kind: 'host' },
          rootedIn: coveredBy(context, director),
        }),
      ];
    });
  },
};

export const gatewayIsDirector: Check = {
  id: 'gateway-is-director',
  title: 'Replies do not go through a director',
  severity: 'high',
  looksAt:
    '`ip route get` from each VIP to an address far away, with every next hop of the route; if no VIP is on this host, the default route. No gateway may be a director. A director that is the gateway to some other IPv4 network is advice.',
  why: 'The replies carry the VIP as their source. A director owns the VIP itself, so it treats such a packet as forged ("martian source") and drops it.',
  fix: 'Use the segment’s real router as default gateway: in direct routing, replies do not go through the director.',
  source: 'net/ipv4/fib_frontend.c fib_validate_source(); LVS-HOWTO, LVS-DR',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    const answers = clientAnswers(context, routing);
    // What a rule sends another way (ip rule from VIP) does not take the default route.
    const replies = answers.filter(({ from, route }) => from !== null && route !== null);
    const used =
      replies.length > 0
        ? [
            ...replies.map(({ route }) => route?.gateway ?? null),
            ...context.desired.vips.flatMap(({ address }) => replyHops(routing, address).map(({ gateway }) => gateway)),
          ]
        : [
            ...routing.main.filter(({ prefixLength }) => prefixLength === 0).map(({ gateway }) => gateway),
            ...answers.map(({ route }) => route?.gateway ?? null),
          ];
    return context.desired.directors.flatMap((director): readonly Verdict[] => {
      if (used.includes(director)) return [throughDirector(director, 'replies to clients', 'high')];
      const networks = routing.main.filter((r) => r.gateway === director && r.prefixLength > 0);
      if (networks.length === 0 || context.desired.role === 'localnode') return [];
      const names = networks.slice(0, 3).map(({ destination, prefixLength }) => `${destination}/${prefixLength}`);
      return [throughDirector(director, `replies to ${names.join(', ')}`, 'advice')];
    });
  },
};

const throughDirector = (director: Ip, what: string, severity: 'high' | 'advice'): Verdict =>
  wrong({
    subject: director,
    severity,
    wanted: 'a gateway that is not a director',
    seen: `${what} go through the director ${director}`,
    why: 'The director drops every such reply, because its source is an address of the director itself (the VIP).',
    fix: 'ip route replace … via ROUTER, and the same in the host’s network configuration',
    demand: { kind: 'host' },
  });

export const rpFilter: Check = {
  id: 'rp-filter',
  title: 'The reverse path filter lets the clients’ packets in',
  severity: 'high',
  looksAt:
    'Whether the kernel would accept a packet from an address far away on the interface towards the directors, or on the tunnel that holds the VIP (`ip route get VIP from CLIENT iif INTERFACE`), if the larger of conf/all/rp_filter and conf/INTERFACE/rp_filter is not 0. With 1 the reply must leave by the same interface (or by one of several next hops); with 2 any route back is enough.',
  why: 'A strict filter drops a packet that arrives on another interface than the answer would leave by. It drops the clients’ packets if the NIC towards the director is not the one with the default route.',
  fix: 'sysctl -w net/ipv4/conf/INTERFACE/rp_filter=2 (the larger of all and interface counts, so 2 there is enough).',
  source:
    'net/ipv4/fib_frontend.c __fib_validate_source(); include/linux/inetdevice.h IN_DEV_RPFILTER; counter TcpExtIPReversePathFilter',
  probe: 'rsprep probe service VIP:PORT --via RIP --from UNUSED/LENGTH, from a client’s network',
  early: false,
  needs: { routing: true, knobs: /\/rp_filter$/ },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    const links = linksOf(context);
    const found = new Map<string, Verdict>();
    const answers = clientAnswers(context, routing).filter(({ to }) => !isIpv6(to));
    const other = answers.find(({ from }) => from === null)?.route?.device;
    for (const vip of context.desired.vips.filter(({ address }) => !isIpv6(address))) {
      const entrances = ingressOf(context, vip);
      const back = entrances.length > 0 ? replyHops(routing, vip.address).map(({ device }) => device) : [];
      const leaves = back.length > 0 ? back : other ? [other] : [];
      if (leaves.length === 0) continue;
      for (const enters of entrances) {
        const [all, own] = ['all', enters.name].map((name) =>
          knob(context.observed, `net/ipv4/conf/${name}/rp_filter`),
        );
        const filter = Math.max(all ?? 0, own ?? 0);
        // On a NIC without any IPv4 address 2 is as strict as 1 (no_addr in __fib_validate_source()).
        const bare = !enters.addresses.some(({ ip }) => !isIpv6(ip));
        const strict = filter === 1 || (bare && filter > 0);
        // Behind a VRF another table decides, which was not asked.
        if (!strict || vrfOf(links, enters) || leaves.includes(enters.name) || found.has(enters.name)) continue;
        if (holds(context, vip.address) && arrives(routing, vip.address, enters.name, 'far') === true) continue;
        found.set(enters.name, strictOn(enters.name, leaves[0] ?? '', all ?? 0, own ?? 0));
      }
    }
    return [...found.values()];
  },
};

const strictOn = (enters: string, leaves: string, all: number, own: number): Verdict =>
  wrong({
    subject: enters,
    severity: 'high',
    wanted: `rp_filter 2 (or 0 on all and ${enters}): packets come in by ${enters}, replies leave by ${leaves}`,
    seen: `conf/all/rp_filter=${all} and conf/${enters}/rp_filter=${own}: strict`,
    why: `The kernel silently drops every client’s packet that comes in by ${enters}, because the answer would leave by ${leaves}.`,
    fix: `sysctl -w net/ipv4/conf/${enters}/rp_filter=2, and the same in /etc/sysctl.d`,
    demand: { kind: 'host' },
  });
