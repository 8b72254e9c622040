import type { Check } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';

export const vipClash: Check = {
  id: 'vip-clash',
  title: 'The VIP is not another machine’s own address',
  severity: 'high',
  culprit: 'address-owner',
  looksAt:
    'Gateways of the main routing table (high) and name servers of /etc/resolv.conf (advice): no VIP is one of them.',
  why: 'With the VIP on lo, packets for that machine stay on this host. This may go unnoticed until the machine’s ARP entry expires.',
  fix: 'Correct the VIP or the route. A farm that balances its own name servers can ignore the advice.',
  source: 'net/ipv4/route.c: an address of the host is always local',
  needs: { routing: true },
  run: (context) => {
    const gateways = new Set(
      (context.observed.routing?.kind === 'value' ? context.observed.routing.value.main : []).map((r) => r.gateway),
    );
    return context.desired.vips.flatMap(({ address }): readonly Verdict[] => {
      const hop = gateways.has(address);
      if (!hop && !context.observed.resolvers.includes(address)) return [];
      return [
        wrong({
          subject: address,
          severity: hop ? 'high' : 'advice',
          wanted: `${address} belongs to the farm alone`,
          seen: hop ? `${address} is the gateway of a route` : `${address} is a name server in /etc/resolv.conf`,
          why: hop
            ? 'With the VIP on this host that route leads back to this host: replies do not leave.'
            : 'This host resolves names through its own service, so it cannot resolve any while that service is down.',
          fix: hop ? 'look for a mistake in `vips:` or in the route' : 'name another server first, or ignore this',
          demand: { kind: 'vip', ip: address },
          vips: [address],
        }),
      ];
    });
  },
};
