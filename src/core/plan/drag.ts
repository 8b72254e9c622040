import type { Action } from '../model/action.ts';
import { contains, describeAddress, placesOf } from '../model/addresses.ts';
import type { CheckContext } from '../model/check.ts';
import { addressKey } from '../model/ledger.ts';
import { hostPrefixLength, isIpv6 } from '../model/names.ts';
import type { Address, Link, Route } from '../model/observed.ts';
import type { Refusal } from '../model/refusal.ts';
import { isNic } from '../network/devices.ts';

/**
 * What deleting addresses would silently take along: routes whose source they are, secondaries of a primary.
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
  return [
    ...lost.map(dragsRoute),
    ...dragsSecondaries(context, links.value, going),
    ...dragsDevice(links.value, going, actions, routes),
    ...dragsSubnet(context, links.value, going, routes),
  ];
}

/** fib_inetaddr_event(): with the last IPv4 address of a device, fib_disable_ip() flushes every IPv4 route through it. */
function dragsDevice(
  links: readonly Link[],
  going: ReadonlySet<string>,
  actions: readonly Action[],
  routes: readonly Route[],
): readonly Refusal[] {
  const coming = new Set(
    actions.flatMap((action) => (action.kind === 'add-address' && !isIpv6(action.ip) ? [action.device as string] : [])),
  );
  return links.flatMap((link): readonly Refusal[] => {
    const own = link.addresses.filter(({ ip }) => !isIpv6(ip));
    if (own.length === 0 || coming.has(link.name) || !own.every((address) => going.has(keyOf(link, address))))
      return [];
    const lost = routes.filter(
      ({ devices, family, protocol }) => family === 4 && protocol !== 'kernel' && devices.includes(link.name),
    );
    if (lost.length === 0) return [];
    const shown = lost.slice(0, 3).map(({ destination, table }) => `${destination} (table ${table})`);
    const more = lost.length > 3 ? ` and ${lost.length - 3} more` : '';
    return [
      {
        code: 'drags-route',
        message: `deleting the last IPv4 address of ${link.name} would delete every IPv4 route through it: ${shown.join(', ')}${more}`,
        next: `give ${link.name} an address of its own first (ip address add RIP/PREFIX dev ${link.name}), or delete those routes`,
      },
    ];
  });
}

/**
 * An address of a NIC with a prefix brings the route to its subnet, and takes it along. That is refused where nothing else of the device
 * covers the subnet and something needs it: a director, a gateway, another address of this host, or, with the last IPv4 address, all.
 */
function dragsSubnet(
  context: CheckContext,
  links: readonly Link[],
  going: ReadonlySet<string>,
  routes: readonly Route[],
): readonly Refusal[] {
  return links
    .filter((link) => isNic(context, links, link))
    .flatMap((link) => {
      const stays = link.addresses.filter((address) => !going.has(keyOf(link, address)));
      const leaves = link.addresses.filter((address) => going.has(keyOf(link, address)) && !isHost(address));
      const gateways = routes.filter(({ devices }) => devices.includes(link.name)).flatMap((route) => route.gateways);
      return leaves.flatMap((address): readonly Refusal[] => {
        const family = stays.filter(({ ip }) => isIpv6(ip) === isIpv6(address.ip));
        if (family.some((a) => a.prefixLength <= address.prefixLength && contains(a, address.ip))) return [];
        const needing = [...context.desired.directors, ...gateways, ...family.map(({ ip }) => ip)];
        const needs = needing.find((ip) => contains(address, ip));
        const isLast = family.length === 0 && !isIpv6(address.ip);
        if (needs === undefined && !isLast) return [];
        const subnet = `${address.ip}/${address.prefixLength}`;
        return [
          {
            code: 'drags-subnet',
            message: `deleting ${describeAddress(link, address)} would delete the route to its subnet${needs === undefined ? `, and ${link.name} has no other IPv4 address` : `, in which ${needs} is`}`,
            next: `give ${link.name} an address of its own with that prefix first: ip address add RIP/${address.prefixLength} dev ${link.name} (instead of ${subnet})`,
          },
        ];
      });
    });
}

const isHost = ({ ip, prefixLength }: Address): boolean => prefixLength === hostPrefixLength(ip);

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
