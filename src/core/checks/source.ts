import { findVip, isHostAddress, linkNamed, onDevice, placesOf } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { groupBy } from '../model/group.ts';
import { isIpv6 } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';
import { isSilent } from '../network/devices.ts';
import { selectSource } from '../network/source-address.ts';
import { linksOf, routingOf } from '../network/ways.ts';
import { withLinks } from './address.ts';

export const arpSender: Check = {
  id: 'arp-sender',
  title: 'No NIC has to borrow the VIP as its own address',
  severity: 'critical',
  looksAt:
    'Every NIC without an IPv4 address of its own: which address the kernel would take for the sender of its ARP requests. It takes the first of scope global or site on the NIC’s VRF, then on lo, then on the other devices; a VIP of scope host is never taken. Critical where a route of the main table, or the answer to one of the questions asked here, leads through that NIC; else advice, for other tables are not read.',
  why: 'arp_announce=2 chooses among the addresses of the NIC. Where there is none, the kernel borrows one, and asks `who-has … tell VIP`.',
  fix: 'Give the NIC an address, or the VIP scope host: at a quiet moment rsprep drain, rsprep remove, rsprep apply.',
  source: 'net/ipv4/arp.c arp_solicit(), net/ipv4/devinet.c inet_select_addr(), in_dev_select_addr()',
  probe: 'rsprep probe watch, while something makes the host ask for a neighbour through that NIC',
  early: false,
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
            seen: `${link.name} has ${leads ? 'routes but ' : ''}no IPv4 address: the kernel takes ${vip.address} for it`,
            why: leads
              ? 'Through that NIC this host asks for its neighbours with the VIP as ARP sender, and they send it the farm’s traffic.'
              : 'As soon as a route of any table or a socket bound to that NIC uses it, this host asks for its neighbours with the VIP as ARP sender.',
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
  title: 'The host’s own packets do not start from the VIP',
  severity: 'high',
  culprit: 'address-owner',
  looksAt:
    'What the kernel answers to `ip route get` for each director, for an address far away (203.0.113.1 or another of RFC 5737, 2001:db8:ffff::1) and for one behind each IPv4 route of the main table: its source must not be a VIP.',
  why: 'Answers to such packets go to the director, not here: name resolution, package updates and monitoring of this host fail, and the director drops its health checks’ replies.',
  fix: 'Give the NIC an address of its own, take `src VIP` out of the route, and keep an IPv6 VIP deprecated (preferred_lft 0) and the RIP6 not.',
  source: 'net/ipv4/fib_semantics.c fib_result_prefsrc(); RFC 6724; ip-route(8)',
  early: false,
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
        why: 'The answers go to the director and are lost: this host cannot talk to the outside, and looks dead to health checks.',
        fix: isIpv6(vip)
          ? `ip -6 address change ${vip}/128 dev lo preferred_lft 0, and give the NIC an IPv6 address that is not deprecated`
          : 'ip route show: take `src VIP` away; or give that NIC an IPv4 address of its own',
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
