import { contains, inPlace } from '../model/addresses.ts';
import type { Check } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { toBits } from '../model/ip-bits.ts';
import { isIpv6 } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';
import { knob, linksOf, replyHops, routingOf } from '../network/ways.ts';
import { withLinks } from './with-links.ts';

export const vip6Unusable: Check = {
  id: 'vip6-unusable',
  title: 'The IPv6 VIP passed duplicate address detection',
  severity: 'high',
  silences: true,
  culprit: 'address-owner',
  looksAt: 'The flags dadfailed and tentative of each IPv6 VIP on its device.',
  why: 'The kernel neither accepts nor sends packets for such an address.',
  fix: 'rsprep apply deletes it and adds it with nodad. Find out which other host of this segment has the address: only the director should.',
  source: 'RFC 4862 5.4; net/ipv6/addrconf.c addrconf_dad_failure()',
  run: (context) =>
    withLinks(context, 'high', (links) =>
      context.desired.vips.flatMap((vip): readonly Verdict[] => {
        const address = inPlace(links, vip);
        if (!address || !isIpv6(vip.address) || (!address.dadFailed && !address.tentative)) return [];
        return [
          wrong({
            subject: vip.address,
            severity: 'high',
            wanted: 'an address that passed (or skipped) duplicate address detection',
            seen: address.dadFailed ? 'dadfailed' : 'tentative',
            why: 'The kernel drops packets for this VIP until detection succeeds, so this real server loses its share of the traffic.',
            fix: `ip address del ${vip.address}/128 dev ${vip.device}; ip address add ${vip.address}/128 dev ${vip.device} preferred_lft 0 nodad`,
            actions: address.dadFailed
              ? [{ kind: 'renew-address', device: vip.device, ip: vip.address, from: 128, prefixLength: 128 }]
              : [],
            demand: { kind: 'vip', ip: vip.address },
            vouch: 'silence',
            vips: [vip.address],
          }),
        ];
      }),
    ),
};

export const vip6Preferred: Check = {
  id: 'vip6-preferred',
  title: 'The IPv6 VIP is deprecated, so that it is never a source',
  severity: 'advice',
  culprit: 'address-owner',
  looksAt: 'The preferred lifetime of each IPv6 VIP on its device: 0 keeps it out of source address selection.',
  why: 'When the host’s own IPv6 address is deprecated, a preferred VIP is chosen as the source of outgoing connections, and the answers go to the director.',
  fix: 'rsprep apply, or ip -6 address change VIP/128 dev lo preferred_lft 0.',
  source: 'RFC 6724 section 5 rule 3; net/ipv6/addrconf.c ipv6_dev_get_saddr()',
  run: (context) =>
    withLinks(context, 'advice', (links) =>
      context.desired.vips.flatMap((vip): readonly Verdict[] => {
        const address = inPlace(links, vip);
        if (!address || !isIpv6(vip.address) || address.preferredSeconds === 0) return [];
        return [
          wrong({
            subject: vip.address,
            severity: 'advice',
            wanted: 'preferred_lft 0 (deprecated)',
            seen:
              address.preferredSeconds === null ? 'preferred for ever' : `preferred for ${address.preferredSeconds} s`,
            why: 'If the host’s own IPv6 address is ever deprecated, its outgoing connections use the VIP as source, and the answers go to the director.',
            fix: `ip -6 address change ${vip.address}/128 dev ${vip.device} valid_lft forever preferred_lft 0`,
            actions: [
              {
                kind: 'refresh-address',
                device: vip.device,
                ip: vip.address,
                prefixLength: address.prefixLength,
                deprecated: true,
              },
            ],
            demand: { kind: 'vip', ip: vip.address },
            vips: [vip.address],
          }),
        ];
      }),
    ),
};

export const noLinkLocal: Check = {
  id: 'no-link-local',
  title: 'Each NIC that sends replies from an IPv6 VIP has a link-local address',
  severity: 'high',
  looksAt:
    'For each IPv6 VIP: the devices that its replies leave by, to the directors and to clients far away. Each needs an address of fe80::/10 that is neither tentative nor dadfailed. If no route is known, one NIC with such an address is enough. Tunnels are not looked at.',
  why: 'The VIP is not on the NIC, so the kernel asks for its neighbours from the NIC’s link-local address; without one it cannot ask at all, and replies from the VIP are dropped.',
  fix: 'ip link set NIC addrgenmode eui64, then set the NIC down and up; or LinkLocalAddressing=ipv6 (systemd-networkd); or net/ipv6/conf/NIC/disable_ipv6=0.',
  source: 'net/ipv6/ndisc.c ndisc_solicit(), ndisc_send_ns(); RFC 4291 2.8',
  early: false,
  needs: { routing: true },
  run: (context) => {
    const links = linksOf(context);
    const routing = routingOf(context);
    const vips = context.desired.vips.filter((vip) => isIpv6(vip.address) && inPlace(links, vip));
    if (routing === null || vips.length === 0) return [];
    const leaves = new Set<string | null | undefined>(
      vips.flatMap(({ address }) => [
        ...replyHops(routing, address).map(({ device }) => device),
        ...routing.nearReplies.filter(({ from }) => from === address).map(({ route }) => route?.device),
      ]),
    );
    const nics = links.filter((link) => link.up && !link.loopback && !link.noArp && link.kind !== 'dummy');
    const used = nics.filter(({ name }) => leaves.has(name));
    if (used.length === 0)
      return nics.length === 0 || nics.some(hasLinkLocal) ? [] : [mute(null, 'no NIC of this host has one')];
    return used
      .filter((link) => !hasLinkLocal(link))
      .map((link) =>
        mute(link.name, `${link.name} has none${link.addresses.some(isLinkLocal) ? ' that is usable' : ''}`),
      );
  },
};

const isLinkLocal = ({ ip }: Address): boolean => /^fe[89ab]/.test(ip);
const hasLinkLocal = ({ addresses }: Link): boolean =>
  addresses.some((address) => isLinkLocal(address) && !address.tentative && !address.dadFailed);

const mute = (device: string | null, seen: string): Verdict =>
  wrong({
    subject: device,
    severity: 'high',
    wanted: 'a usable link-local IPv6 address where replies from the VIP leave',
    seen,
    why: 'To send a reply the kernel has to ask for a neighbour, and it has no address to ask from: replies from the IPv6 VIP are dropped.',
    fix: `${device === null ? 'look at net/ipv6/conf/*/disable_ipv6 and the MTU (1280 at least)' : `ip link set ${device} addrgenmode eui64; ip link set ${device} down; ip link set ${device} up`}`,
    demand: { kind: 'host' },
  });

export const vip6Anycast: Check = {
  id: 'vip6-anycast',
  title: 'The IPv6 VIP is not the router anycast address of a subnet',
  severity: 'critical',
  culprit: 'address-owner',
  looksAt:
    'For each IPv6 VIP: whether it is the first address of a prefix that a NIC has an address in. Critical if that NIC forwards, otherwise advice.',
  why: 'A router answers neighbour solicitations for the first address of each of its subnets, whatever device the VIP is on.',
  fix: 'Use another VIP, one that is not all zeros after the prefix; or set net/ipv6/conf/NIC/forwarding=0.',
  source: 'RFC 4291 2.6.1; net/ipv6/addrconf.c addrconf_join_anycast()',
  needs: { knobs: /^net\/ipv6\/conf(\/.*\/forwarding)?$/ },
  run: (context) =>
    withLinks(context, 'critical', (links) =>
      context.desired.vips
        .filter(({ address }) => isIpv6(address))
        .flatMap(({ address: vip }): readonly Verdict[] => {
          const bits = toBits(vip);
          const on = links.filter(
            (link) =>
              !link.loopback &&
              !link.noArp &&
              // addrconf_join_anycast() leaves prefixes of 127 and 128 bits alone.
              link.addresses.some(
                (a) =>
                  isIpv6(a.ip) &&
                  a.prefixLength < 127 &&
                  contains(a, vip) &&
                  bits % (1n << BigInt(128 - a.prefixLength)) === 0n,
              ),
          );
          const [first] = on;
          if (!first) return [];
          const forwards = on.filter(({ name }) => knob(context.observed, `net/ipv6/conf/${name}/forwarding`) === 1);
          return [
            wrong({
              subject: vip,
              severity: forwards.length > 0 ? 'critical' : 'advice',
              wanted: `${vip} not the first address of a subnet of this host`,
              seen: `${(forwards[0] ?? first).name} has an address in the prefix that begins with ${vip}${forwards.length > 0 ? ', and forwards' : ''}`,
              why:
                forwards.length > 0
                  ? 'As a router this host answers neighbour solicitations for that address: it takes the VIP from the director.'
                  : 'As soon as that NIC forwards, this host answers neighbour solicitations for the VIP.',
              fix: `another VIP${forwards.map(({ name }) => `; or sysctl -w net/ipv6/conf/${name}/forwarding=0`).join('')}`,
              demand: { kind: 'host' },
              vips: [vip],
            }),
          ];
        }),
    ),
};
