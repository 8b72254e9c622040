import { contains, onDevice, placesOf } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { hostPrefixLength, type Ip } from '../model/names.ts';
import type { Link, LocalRoute } from '../model/observed.ts';
import { lacksPrivilege } from '../model/reading.ts';
import { linksOf } from '../network/ways.ts';

export const localRoute: Check = {
  id: 'local-route',
  title: 'No local route is wider than one address',
  severity: 'critical',
  decisive: true,
  culprit: 'address-owner',
  looksAt:
    'Routes of type local in the local table that are neither a host route nor 127.0.0.0/8. One that covers a VIP, a director or a NIC’s own subnet is critical; any other (AnyIP) is advice.',
  why: 'The kernel treats every address of such a prefix as its own. There may be no harm until the first `ip rule add`, which makes the kernel look into the local table separately; then the host drops off the LAN.',
  fix: 'Delete the address whose wide prefix made the route, or the route itself: ip route del local PREFIX dev lo table local.',
  source:
    'net/ipv4/fib_frontend.c fib_add_ifaddr(); measured: after any `ip rule add` a /8 VIP cut the host off, and deleting the rule did not help',
  run: (context) => {
    const { localRoutes, links } = context.observed;
    if (localRoutes.kind !== 'value') {
      return [
        unknown({
          subject: null,
          severity: 'critical',
          reason: localRoutes.kind === 'unreadable' ? localRoutes.reason : 'there is no local routing table',
          wouldHelp: '`ip -j route show table local` that answers',
          forLackOfPrivilege: lacksPrivilege(localRoutes),
        }),
      ];
    }
    const known = links.kind === 'value' ? links.value : [];
    return localRoutes.value.filter(isWide).map((route) => judgeRoute(context, known, route));
  },
};

const isWide = (route: LocalRoute): boolean =>
  route.prefixLength !== hostPrefixLength(route.destination) &&
  !(route.destination === '127.0.0.0' && route.prefixLength >= 8) &&
  !contains({ ip: '127.0.0.0' as LocalRoute['destination'], prefixLength: 8 }, route.destination);

function judgeRoute(context: CheckContext, links: readonly Link[], route: LocalRoute): Verdict {
  const text = `${route.destination}/${route.prefixLength}`;
  const prefix = { ip: route.destination, prefixLength: route.prefixLength };
  const vip = context.desired.vips.find(({ address }) => contains(prefix, address));
  const director = context.desired.directors.find((address) => contains(prefix, address));
  const subnet = links
    .filter((link) => !link.loopback)
    .flatMap((link) => link.addresses)
    .find((a) => contains(prefix, a.ip) || contains({ ip: a.ip, prefixLength: a.prefixLength }, prefix.ip));
  const covers = [
    vip ? `the VIP ${vip.address}` : null,
    director ? `the director ${director}` : null,
    subnet ? `the subnet of ${subnet.ip}/${subnet.prefixLength}` : null,
  ].filter((part) => part !== null);
  const made = vip ? placesOf(links, vip.address).some(({ address }) => makes(address, prefix)) : false;
  return wrong({
    subject: text,
    severity: covers.length > 0 ? 'critical' : 'advice',
    wanted: 'only host routes and 127.0.0.0/8 in the local table',
    seen: `local ${text} dev ${route.device}${covers.length > 0 ? `, which covers ${covers.join(' and ')}` : ''}`,
    why:
      covers.length > 0
        ? 'The host treats all those addresses as its own: it cannot reach the director or neighbours that have them.'
        : 'The host treats every address of that prefix as its own (AnyIP). That is fine if it is meant.',
    fix: `delete the address that made it (ip address show dev ${route.device}), or ip route del local ${text} dev ${route.device} table local`,
    demand: { kind: 'host' },
    rootedIn: vip && made ? `vip-prefix@${vip.address}` : null,
  });
}

const makes = (
  address: { prefixLength: number; ip: LocalRoute['destination'] },
  prefix: { prefixLength: number; ip: LocalRoute['destination'] },
): boolean => address.prefixLength === prefix.prefixLength && contains(prefix, address.ip);

/** A wide local route, or a VIP’s peer, that makes the director look like this host. */
export function coveredBy(context: CheckContext, ip: Ip): string | null {
  const { localRoutes } = context.observed;
  const route =
    localRoutes.kind === 'value'
      ? localRoutes.value.find((r) => isWide(r) && contains({ ip: r.destination, prefixLength: r.prefixLength }, ip))
      : undefined;
  if (route) return `local-route@${route.destination}/${route.prefixLength}`;
  const vip = context.desired.vips.find((wanted) =>
    onDevice(linksOf(context), wanted).some(
      ({ peer, prefixLength }) => peer !== undefined && contains({ ip: peer, prefixLength }, ip),
    ),
  );
  return vip ? `vip-prefix@${vip.address}` : null;
}
