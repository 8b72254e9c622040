import type { Action } from './action.ts';
import { contains, describeAddress, placesOf } from './addresses.ts';
import type { CheckContext } from './checks/check.ts';
import { addressKey } from './ledger.ts';
import { isIpv6 } from './names.ts';
import type { Address, Link, Route } from './observed.ts';
import type { Refusal } from './refusal.ts';

/**
 * What deleting addresses would silently take along: routes whose source they are (G1), secondaries of a primary (G2).
 * @param actions everything that is going to be done, so that what is replaced or deleted on purpose does not count.
 */
export function dragged(context: CheckContext, actions: readonly Action[]): readonly Refusal[] {
  const { links, change } = context.observed;
  const deletes = actions.flatMap((action) => (action.kind === 'delete-address' ? [action] : []));
  if (links.kind !== 'value' || deletes.length === 0) return [];
  const going = new Set(deletes.map(addressKey));
  const coming = new Set(actions.flatMap((action) => (action.kind === 'add-address' ? [action.ip] : [])));
  const routes = change?.routes.kind === 'value' ? change.routes.value : [];
  const gone = new Set(
    deletes.flatMap(({ ip }) => (!coming.has(ip) && leavesHost(links.value, going, ip) ? [ip] : [])),
  );
  const lost = routes.filter(
    ({ preferredSource, protocol }) => protocol !== 'kernel' && preferredSource !== null && gone.has(preferredSource),
  );
  return [...lost.map(dragsRoute), ...dragsSecondaries(context, links.value, going)];
}

/**
 * fib_sync_down_addr() deletes routes whose preferred source is an address that leaves the host altogether. They stay while
 * it stands anywhere else (fib_del_ifaddr() asks the local table, whatever the device): measured, a default route with
 * `src VIP` survived the VIP's move from a NIC to lo. Connected routes of the kernel go with their address anyway.
 */
const leavesHost = (links: readonly Link[], going: ReadonlySet<string>, ip: Address['ip']): boolean =>
  placesOf(links, ip).every(({ link, address }) => going.has(keyOf(link, address)));

const keyOf = (link: Link, { ip, prefixLength }: Address): string =>
  addressKey({ device: link.name, ip, prefixLength });

const dragsRoute = (route: Route): Refusal => ({
  code: 'drags-route',
  message: `deleting ${route.preferredSource} would delete the route ${route.destination}${route.device ? ` dev ${route.device}` : ''} (table ${route.table}), whose source it is`,
  next: `give that route another source first: ip route replace ${route.destination} … src RIP`,
});

/** devinet.c __inet_del_ifa(): with promote_secondaries=0 a primary takes the secondaries of its subnet along. */
function dragsSecondaries(
  context: CheckContext,
  links: readonly Link[],
  going: ReadonlySet<string>,
): readonly Refusal[] {
  const promotes = context.observed.change?.promoteSecondaries;
  return links.flatMap((link) => {
    if (promotes?.get('all') || promotes?.get(link.name)) return [];
    const secondaries = link.addresses.filter((a) => a.secondary && !isIpv6(a.ip) && !going.has(keyOf(link, a)));
    if (secondaries.length === 0) return [];
    const primaries = link.addresses.filter((a) => !a.secondary && !isIpv6(a.ip) && going.has(keyOf(link, a)));
    return primaries.flatMap((primary): readonly Refusal[] => {
      const lost = secondaries.filter((a) => a.prefixLength === primary.prefixLength && contains(primary, a.ip));
      if (lost.length === 0) return [];
      return [
        {
          code: 'drags-secondaries',
          message: `deleting ${describeAddress(link, primary)}, a primary address, would delete its secondaries ${lost.map((a) => `${a.ip}/${a.prefixLength}`).join(', ')} too`,
          next: `sysctl -w net/ipv4/conf/${link.name}/promote_secondaries=1, then run this again`,
        },
      ];
    });
  });
}
