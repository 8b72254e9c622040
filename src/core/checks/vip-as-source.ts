import { findVip, isHostAddress, linkNamed, onDevice, placesOf } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { groupBy } from '../model/group-by.ts';
import { isIpv6 } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';
import { isSilent } from '../network/devices.ts';
import { selectSource } from '../network/source-address.ts';
import { linksOf, routingOf } from '../network/ways.ts';
import { withLinks } from './with-links.ts';

export const arpSender: Check = {
  id: 'arp-sender',
  title: 'No NIC has to borrow the VIP as its own address',
  severity: 'critical',
  looksAt:
    'For every NIC without an IPv4 address of its own: which address the kernel would use as the sender of its ARP requests. The kernel uses the first address of scope global or site, from the NIC’s VRF, then from lo, then from the other devices; it never uses a VIP of scope host. Critical if a route of the main table, or a route that the kernel names to rsprep (`ip route get`), leads through that NIC; otherwise advice, because rsprep does not read other tables.',
  why: 'arp_announce=2 chooses among the NIC’s own addresses. If it has none, the kernel borrows the address of another device, and sends `who-has … tell VIP`.',
  fix: 'Give the NIC an address, or give the VIP scope host: at a quiet moment run rsprep drain, rsprep remove, rsprep apply.',
  source: 'net/ipv4/arp.c arp_solicit(), net/ipv4/devinet.c inet_select_addr(), in_dev_select_addr()',
  probe: 'rsprep probe watch, while something makes the host ask for a neighbour through that NIC',
  early: false,
  needs: { routing: true },
  run: (context) =>
    withLinks(context, 'critical', (links) =>
      (lends(context, links) ? links : []).flatMap((link): readonly Verdict[] => {
        if (!asksByArp(link)) return [];
        if (link.addresses.some(isSender)) return [];
        const sender = selectSource(links, link.name);
        const vip = sender === null ? undefined : findVip(context.desired, sender);
        if (!vip) return [];
        const leads = leadsThrough(context, link);
        return [
          wrong({
            subject: link.name,
            severity: leads ? 'critical' : 'advice',
            wanted: `an IPv4 address on ${link.name}, or ${vip.address} with scope host`,
            seen: `${link.name} has ${leads ? 'routes but ' : ''}no IPv4 address: the kernel uses ${vip.address} instead`,
            why: leads
              ? 'Through that NIC this host sends ARP requests with the VIP as sender, and the neighbours then send it the farm’s traffic.'
              : 'As soon as a route of any table, or a socket bound to that NIC, uses it, this host sends ARP requests with the VIP as sender.',
            fix: `ip address add RIP/PREFIX dev ${link.name}; or at a quiet moment rsprep remove, then rsprep apply, which adds the VIP with scope host`,
            demand: { kind: 'host' },
            vips: [vip.address],
            // With the VIP on another NIC, that is what is wrong.
            rootedIn: onNic(links, vip.address)
              ? `vip-on-nic@${vip.address}`
              : leads
                ? null
                : `vip-scope@${vip.address}`,
          }),
        ];
      }),
    ),
};

/** Whether there is a VIP that the kernel would take for a NIC’s own address at all: 200 NICs need not be asked then. */
const lends = (context: CheckContext, links: readonly Link[]): boolean =>
  context.desired.vips.some(({ address: vip }) =>
    placesOf(links, vip).some(({ address }) => !isIpv6(vip) && address.scope !== 'host'),
  );

/** inet_select_addr() for a neighbour: scope link at most; host and nowhere are further. */
const isSender = ({ ip, scope }: Address): boolean => !isIpv6(ip) && scope !== 'host' && scope !== 'nowhere';

const asksByArp = (link: Link): boolean =>
  link.up && !link.loopback && !link.noArp && !/^(bridge|bond|team|ovs|openvswitch)/.test(link.portKind ?? '');

function leadsThrough(context: CheckContext, link: Link): boolean {
  const routing = routingOf(context);
  if (!routing) return false;
  return (
    routing.main.some(({ device }) => device === link.name) ||
    routing.answers.some(({ to, route }) => !isIpv6(to) && route?.type === 'unicast' && route.device === link.name)
  );
}

const onNic = (links: readonly Link[], ip: Parameters<typeof placesOf>[1]): boolean =>
  placesOf(links, ip).some(({ link }) => !isSilent(link));

export const vipAsSource: Check = {
  id: 'vip-as-source',
  title: 'The host does not use the VIP as the source of its own packets',
  severity: 'high',
  culprit: 'address-owner',
  looksAt:
    'What the kernel answers to `ip route get` for each director, for an address far away (203.0.113.1 or another of RFC 5737, 2001:db8:ffff::1) and for one behind each IPv4 route of the main table: the source that it names must not be a VIP.',
  why: 'Answers to such packets go to the director, not to this host: its name resolution, package updates and monitoring fail, and the director drops the replies to its health checks.',
  fix: 'Give the NIC an address of its own, and take `src VIP` out of the route. With IPv6 the VIP has to be deprecated (preferred_lft 0), and the host’s own address must not be.',
  source: 'net/ipv4/fib_semantics.c fib_result_prefsrc(); RFC 6724; ip-route(8)',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const routing = routingOf(context);
    if (!routing) return [];
    const bad = [...routing.answers, ...routing.behindRoutes].flatMap(({ to, from, route }) => {
      const vip =
        from === null && route?.source && route.type !== 'local' ? findVip(context.desired, route.source) : undefined;
      return vip && route ? [{ to, vip, route }] : [];
    });
    return [...groupBy(bad, ({ vip }) => vip.address)].map(([vip, ways]) =>
      wrong({
        subject: vip,
        severity: 'high',
        wanted: 'the host’s own address as the source of its packets',
        seen: ways
          .slice(0, 4)
          .map(({ to, route }) => `packets to ${to} leave through ${route.device} with source ${vip}`)
          .join('; '),
        why: 'The answers go to the director and are lost: this host cannot talk to the outside, and health checks fail.',
        fix: isIpv6(vip)
          ? `ip -6 address change ${vip}/128 dev lo preferred_lft 0, and give the NIC an IPv6 address that is not deprecated`
          : 'ip route show: delete `src VIP`; or give that NIC an IPv4 address of its own',
        demand: { kind: 'host' },
        vips: [vip],
        rootedIn: rootOf(
          context,
          vip,
          ways.map(({ route }) => route.device ?? ''),
        ),
      }),
    );
  },
};

function rootOf(context: CheckContext, vip: Parameters<typeof placesOf>[1], devices: readonly string[]): string | null {
  const links = linksOf(context);
  // On any device but lo a wide VIP brings a route of its own, with the VIP as its source.
  const own = findVip(context.desired, vip);
  if (own && onDevice(links, own).some((address) => !isHostAddress(address))) return `vip-prefix@${vip}`;
  if (onNic(links, vip)) return `vip-on-nic@${vip}`;
  if (isIpv6(vip)) return null;
  const unnumbered = devices.find((device) => {
    const link = linkNamed(links, device);
    return link && asksByArp(link) && !link.addresses.some(isSender);
  });
  return unnumbered === undefined ? null : `arp-sender@${unnumbered}`;
}
