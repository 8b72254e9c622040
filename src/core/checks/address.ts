import { type Action, target } from '../model/action.ts';
import {
  addVip,
  deleteAddress,
  describeAddress,
  isHostAddress,
  linkNamed,
  onDevice,
  placesOf,
} from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import type { DesiredVip } from '../model/desired.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { hostPrefixLength, isIpv6, LO } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';
import { isSilent } from '../network/devices.ts';
import { knob } from '../network/ways.ts';
import { withLinks } from './with-links.ts';

/** The link a VIP belongs on, if there is one. */
const deviceOf = (links: readonly Link[], vip: DesiredVip): Link | undefined =>
  links.find((link) => link.name === vip.device);

export const deviceDown: Check = {
  id: 'device-down',
  title: 'The device that holds the VIP is there and up',
  severity: 'high',
  decisive: true,
  silences: true,
  looksAt: 'The device of each VIP (lo unless configured): it exists and has IFF_UP.',
  why: 'While the device is down the kernel has no local route for the VIP, so packets for it are dropped or forwarded.',
  fix: 'rsprep apply, or ip link set lo up.',
  source: 'net/ipv4/devinet.c, net/ipv4/fib_frontend.c fib_disable_ip()',
  run: (context) =>
    withLinks(context, 'high', (links) => {
      const verdicts: Verdict[] = [];
      for (const device of new Set(context.desired.vips.map((vip) => vip.device))) {
        const link = linkNamed(links, device);
        const vips = context.desired.vips.filter((vip) => vip.device === device).map((vip) => vip.address);
        if (link?.up) continue;
        const fix = link ? `ip link set ${device} up` : `ip link add ${device} type dummy && ip link set ${device} up`;
        verdicts.push(
          wrong({
            subject: device,
            severity: 'high',
            wanted: `${device} is there and up`,
            seen: link ? `${device} is down` : `there is no device ${device}`,
            why: 'Without it the kernel does not accept packets for the VIP: this real server loses its share of the traffic.',
            fix,
            actions: link ? [{ kind: 'set-link', device, up: true }] : [],
            demand: { kind: 'host' },
            vouch: 'silence',
            vips: device === LO ? [] : vips,
          }),
        );
      }
      return verdicts;
    }),
};

export const vipMissing: Check = {
  id: 'vip-missing',
  title: 'The VIP is on its device',
  severity: 'high',
  decisive: true,
  silences: true,
  culprit: 'address-owner',
  looksAt: 'Each VIP of the configuration, on its device, with prefix length 32 (IPv4) or 128 (IPv6).',
  why: 'The director still sends this host its share of connections, and this host drops them; with ip_forward=1 it sends each packet back to the director, again and again.',
  fix: 'rsprep apply, which sets the ARP sysctls first.',
  source: 'ip-address(8); measured: with ip_forward=1 one packet came back 63 times',
  run: (context) =>
    withLinks(context, 'high', (links) =>
      context.desired.vips.flatMap((vip) => {
        if (onDevice(links, vip).length > 0) return [];
        const link = deviceOf(links, vip);
        const others = placesOf(links, vip.address);
        const places = others.map((place) => describeAddress(place.link, place.address));
        const elsewhere = places.length > 0 ? `; it is on ${places.join(', ')}` : '';
        const onNic = others.some((place) => !isSilent(place.link));
        return [
          wrong({
            subject: vip.address,
            severity: 'high',
            wanted: `${vip.address}/${hostPrefixLength(vip.address)} on ${vip.device}`,
            seen: `not on ${vip.device}${elsewhere}`,
            why: `The director sends this real server its share of requests for the VIP, and they are lost.${others.length === 0 && forwards(context) ? ' Because ip_forward is 1, each packet goes back and forth between this host and the director until its TTL ends (63 times).' : ''}`,
            fix: `rsprep apply (ARP settings first, then ip address add ${vip.address}/${hostPrefixLength(vip.address)} dev ${vip.device})`,
            actions: link ? [addVip(vip)] : [],
            demand: { kind: 'vip', ip: vip.address },
            vouch: places.length > 0 ? 'alarm' : 'silence',
            vips: [vip.address],
            rootedIn: onNic ? `vip-on-nic@${vip.address}` : link?.up ? null : `device-down@${vip.device}`,
          }),
        ];
      }),
    ),
};

const forwards = ({ observed }: CheckContext): boolean => knob(observed, 'net/ipv4/ip_forward') === 1;

export const vipPrefix: Check = {
  id: 'vip-prefix',
  title: 'The VIP is a single address, a /32 or /128',
  severity: 'critical',
  decisive: true,
  culprit: 'address-owner',
  looksAt:
    'The prefix length of each VIP on its device. A wide prefix is wrong even if a correct /32 or /128 is there as well.',
  why: 'A wide prefix on lo makes the whole subnet local: the host cannot reach the director, and claims addresses that are not its own.',
  fix: 'rsprep apply adds the /32 first and then deletes the wide one by its exact prefix.',
  source: 'net/ipv4/fib_frontend.c fib_add_ifaddr(): a local route for the prefix on a loopback device',
  run: (context) =>
    withLinks(context, 'critical', (links) =>
      context.desired.vips.flatMap((vip) => {
        const link = deviceOf(links, vip);
        const addresses = onDevice(links, vip);
        const wide = addresses.filter((address) => !isHostAddress(address));
        if (!link || wide.length === 0) return [];
        const right = addresses.length > wide.length;
        const seen = wide.map((address) => describeAddress(link, address)).join(', ');
        return [
          wrong({
            subject: vip.address,
            severity: 'critical',
            wanted: `only ${vip.address}/${hostPrefixLength(vip.address)} on ${vip.device}`,
            seen: right ? `${seen}, beside the right one` : seen,
            why: wide.every(({ peer }) => peer !== undefined)
              ? 'The kernel treats the peer’s addresses as its own too: the host that really has them (a director, for example) becomes unreachable.'
              : 'The kernel treats every address of that prefix as its own: the director, the gateway and the neighbours become unreachable.',
            fix: wide.map((a) => `ip address del ${target(a)} dev ${link.name}`).join('; '),
            actions: fixWide(vip, link, wide, right),
            demand: { kind: 'vip', ip: vip.address },
            vips: [vip.address],
          }),
        ];
      }),
    ),
};

/** IPv4: the right one first, then each wide one away. IPv6 holds an address once per device, so it is renewed in place. */
function fixWide(vip: DesiredVip, link: Link, wide: readonly Address[], right: boolean): readonly Action[] {
  const [first] = wide;
  if (isIpv6(vip.address) && !right && first) {
    const prefixLength = hostPrefixLength(vip.address);
    return [{ kind: 'renew-address', device: vip.device, ip: vip.address, from: first.prefixLength, prefixLength }];
  }
  return [...(right ? [] : [addVip(vip)]), ...orderDeletes(link, wide)];
}

/** Secondaries before their primary: deleting a primary takes its secondaries along (devinet.c __inet_del_ifa). */
const orderDeletes = (link: Link, addresses: readonly Address[]): readonly Action[] =>
  [...addresses].sort((a, b) => Number(b.secondary) - Number(a.secondary)).map((a) => deleteAddress(link.name, a));
