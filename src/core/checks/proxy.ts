import { contains } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { type InterfaceName, type Ip, isIpv6 } from '../model/names.ts';
import type { Link } from '../model/observed.ts';
import type { Routing } from '../model/surroundings.ts';
import { holds, isLocal, knob, linksOf, ownIpv4, routingOf } from '../network/ways.ts';

export const proxyArp: Check = {
  id: 'proxy-arp',
  title: 'No proxy ARP answers for the VIP',
  severity: 'critical',
  looksAt:
    'For each IPv4 VIP and each interface with forwarding=1: proxy_arp (of all or the interface) where the VIP’s route leads through another interface, proxy_arp_pvlan where it leads through the same one, and proxy neighbour entries (`ip neigh show proxy`). Critical while the VIP is not on this host or has lost its local route (a routing rule that refuses packets for the VIP hides this as long as the rule is there). While the VIP is on this host, arp_ignore decides instead, and this is advice.',
  why: 'With proxy ARP a host answers for addresses that it can route to. As long as it holds the VIP it does not answer for it, but it does as soon as the VIP is removed.',
  fix: 'Before the VIP is removed: sysctl -w net/ipv4/conf/INTERFACE/proxy_arp=0 (also proxy_arp_pvlan, and both for conf/all); ip neigh del proxy VIP dev INTERFACE.',
  source: 'net/ipv4/arp.c arp_process(), arp_fwd_proxy(), arp_fwd_pvlan()',
  probe: 'rsprep probe arp VIP, from another host of the segment',
  needs: { routing: true, knobs: /^net\/ipv4\/conf(\/.*\/(forwarding|proxy_arp|proxy_arp_pvlan))?$/ },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    const found = new Map<string, Verdict>();
    for (const { address: vip } of context.desired.vips) {
      if (isIpv6(vip)) continue;
      // Without its local route it is answered for like any other address.
      const held = holds(context, vip) && isLocal(context, vip);
      const way = routeOf(routing, vip);
      if (way === null) continue;
      for (const link of linksOf(context)) {
        const how = answersBy(context, routing, link, vip, way);
        // A container’s veth without an address is no segment that anybody looks for the VIP on.
        if (how === null || (held && ownIpv4(context, link).length === 0) || found.has(link.name)) continue;
        found.set(link.name, verdict(link, vip, how, held));
      }
    }
    return [...found.values()];
  },
};

/** What makes the host answer: one of two sysctls, or `ip neigh add proxy`. */
type Proxy = 'proxy_arp' | 'proxy_arp_pvlan' | 'neighbour entry';

/** The device that the VIP’s route would lead through if this host did not own it: longest prefix of the main table. */
function routeOf({ main }: Routing, vip: Ip): InterfaceName | null {
  const matching = main.filter(({ destination, prefixLength }) => contains({ ip: destination, prefixLength }, vip));
  return matching.toSorted((a, b) => b.prefixLength - a.prefixLength)[0]?.device ?? null;
}

function answersBy(
  { observed }: CheckContext,
  routing: Routing,
  link: Link,
  vip: Ip,
  way: InterfaceName,
): Proxy | null {
  const conf = (name: string, key: string): boolean => (knob(observed, `net/ipv4/conf/${name}/${key}`) ?? 0) > 0;
  const either = (key: string): boolean => conf('all', key) || conf(link.name, key);
  if (link.loopback || !link.up || !conf(link.name, 'forwarding')) return null;
  if (way === link.name) return either('proxy_arp_pvlan') ? 'proxy_arp_pvlan' : null;
  if (either('proxy_arp')) return 'proxy_arp';
  const entry = routing.proxyNeighbours.some(({ ip, device }) => ip === vip && device === link.name);
  return entry ? 'neighbour entry' : null;
}

const verdict = ({ name }: Link, vip: Ip, how: Proxy, held: boolean): Verdict =>
  wrong({
    subject: name,
    severity: held ? 'advice' : 'critical',
    wanted: `no proxy ARP for ${vip} on ${name}`,
    seen: `forwarding and ${how === 'neighbour entry' ? `a proxy neighbour entry for ${vip}` : how} on ${name}${held ? '' : `, and ${vip} is not on this host, or has no local route`}`,
    why: held
      ? 'It does no harm while the VIP is on this host. As soon as the VIP is removed, this host answers ARP for it as a proxy.'
      : 'This host answers ARP for a VIP that it does not have, and forwards or drops the farm’s traffic.',
    fix:
      how === 'neighbour entry'
        ? `ip neigh del proxy ${vip} dev ${name}`
        : `sysctl -w net/ipv4/conf/${name}/${how}=0 (and conf/all)`,
    demand: { kind: 'host' },
    vips: [vip],
  });

export const proxyNdp: Check = {
  id: 'proxy-ndp',
  title: 'No neighbour proxy answers for an IPv6 VIP',
  severity: 'critical',
  looksAt:
    'Proxy neighbour entries for an IPv6 VIP on an interface with forwarding=1 and proxy_ndp=1 (its own or that of all).',
  why: 'Unlike IPv4, the kernel answers neighbour solicitations through such an entry even while the VIP is on lo.',
  fix: 'ip -6 neigh del proxy VIP dev INTERFACE',
  source: 'net/ipv6/ndisc.c ndisc_recv_ns(), pndisc_is_router()',
  probe: 'rsprep probe arp VIP6, from another host of the segment',
  needs: { routing: true, knobs: /^net\/ipv6\/conf(\/.*\/(forwarding|proxy_ndp))?$/ },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    const conf = (name: string, key: string): boolean =>
      (knob(context.observed, `net/ipv6/conf/${name}/${key}`) ?? 0) > 0;
    return routing.proxyNeighbours.flatMap(({ ip, device }): readonly Verdict[] => {
      const vip = isIpv6(ip) && context.desired.vips.find(({ address }) => address === ip);
      const answers = conf(device, 'forwarding') && (conf('all', 'proxy_ndp') || conf(device, 'proxy_ndp'));
      if (!vip || !answers) return [];
      return [
        wrong({
          subject: `${ip}/${device}`,
          severity: 'critical',
          wanted: `no proxy neighbour entry for ${ip}`,
          seen: `ip -6 neigh: proxy entry for ${ip} on ${device}, with forwarding and proxy_ndp`,
          why: 'This host answers neighbour solicitations for the VIP on that interface: it takes the VIP from the director.',
          fix: `ip -6 neigh del proxy ${ip} dev ${device}`,
          demand: { kind: 'host' },
          vips: [ip],
        }),
      ];
    });
  },
};
