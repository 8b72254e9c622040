import { type Action, target } from '../model/action.ts';
import {
  addVip,
  deleteAddress,
  describeAddress,
  inPlace,
  linkNamed,
  onDevice,
  type Place,
  placesOf,
} from '../model/addresses.ts';
import type { Check } from '../model/check.ts';
import type { DesiredVip } from '../model/desired.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { isIpv6 } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';
import { isNic, isSilent } from '../network/devices.ts';
import { withLinks } from './with-links.ts';

export const vipOnNic: Check = {
  id: 'vip-on-nic',
  title: 'The VIP is on no other device',
  severity: 'critical',
  decisive: true,
  culprit: 'address-owner',
  looksAt:
    'Every device except the one that should hold the VIP: no other device may hold it. On another loopback or dummy device it is only advice. With role: localnode a NIC may hold the VIP, because the active director has to answer ARP.',
  why: 'Even with arp_ignore=1 a host answers ARP for the addresses of its NIC: this real server takes the VIP from the director.',
  fix: 'rsprep apply --take-from-nic puts the VIP on lo first and then takes it off the NIC.',
  source: 'net/ipv4/arp.c arp_ignore(), net/ipv4/devinet.c inetdev_send_gratuitous_arp(); IPv6: RFC 4861 7.2.4',
  run: (context) =>
    withLinks(context, 'critical', (links) =>
      context.desired.vips.flatMap((vip) => {
        const places = placesOf(links, vip.address).filter(({ link }) => link.name !== vip.device);
        const own = linkNamed(links, vip.device);
        const harmful = places.filter(({ link }) => !isSilent(link));
        const verdicts: Verdict[] = places
          .filter(({ link }) => isSilent(link))
          .map(({ link, address }) => elsewhere(vip, link, address));
        // The active director has to answer ARP for the VIP: on a localnode its NIC may hold it.
        if (harmful.length > 0 && context.desired.role === 'real-server') {
          verdicts.push(onNic(vip, harmful, onDevice(links, vip).length > 0));
        }
        if (own && isNic(context, links, own) && inPlace(links, vip)) {
          verdicts.push(onOwnNic(vip));
        }
        return verdicts;
      }),
    ),
};

function elsewhere(vip: DesiredVip, link: Link, address: Address): Verdict {
  return wrong({
    subject: `${vip.address}@${link.name}`,
    severity: 'advice',
    wanted: `${vip.address} only on ${vip.device}`,
    seen: `also ${describeAddress(link, address)}`,
    why: 'It is silent there too, but if the VIP is in two places, removing it from one of them does not remove it from this host.',
    fix: `ip address del ${target(address)} dev ${link.name}, or configure device: ${link.name}`,
    demand: { kind: 'vip', ip: vip.address },
    vips: [vip.address],
  });
}

function onNic(vip: DesiredVip, places: readonly Place[], alsoOnOwn: boolean): Verdict {
  const add: readonly Action[] = alsoOnOwn ? [] : [addVip(vip)];
  const deletes = places
    .toSorted((a, b) => Number(b.address.secondary) - Number(a.address.secondary))
    .map(({ link, address }) => deleteAddress(link.name, address));
  return wrong({
    subject: vip.address,
    severity: 'critical',
    wanted: `${vip.address} on ${vip.device} and on no NIC`,
    seen: places.map(({ link, address }) => describeAddress(link, address)).join(', '),
    why: `This host answers ${isIpv6(vip.address) ? 'neighbour solicitations' : 'ARP'} for the VIP on that NIC: it takes the whole farm’s traffic from the director.`,
    fix: 'rsprep apply --take-from-nic (find out who put it there: keepalived, ifupdown, netplan?)',
    actions: [...add, ...deletes],
    needs: 'take-from-nic',
    demand: { kind: 'vip', ip: vip.address },
    vips: [vip.address],
    rootedIn: `keepalived-vip@${vip.address}`,
  });
}

function onOwnNic(vip: DesiredVip): Verdict {
  return wrong({
    subject: vip.address,
    severity: 'critical',
    wanted: `a device of its own for ${vip.address} (lo, or a dummy)`,
    seen: `device: ${vip.device} is a NIC`,
    why: 'A NIC answers ARP for every address that it holds, even with arp_ignore=1.',
    fix: 'leave out `device:` in the configuration, so that the VIP goes on lo; then rsprep apply --take-from-nic',
    demand: { kind: 'vip', ip: vip.address },
    vips: [vip.address],
  });
}
