import { inPlace } from '../model/addresses.ts';
import type { Check } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { hostPrefixLength, isIpv6 } from '../model/names.ts';
import { withLinks } from './with-links.ts';

export const vipExpires: Check = {
  id: 'vip-expires',
  title: 'The VIP does not expire',
  severity: 'high',
  culprit: 'address-owner',
  looksAt: 'The valid lifetime of each VIP on its device: it must be for ever.',
  why: 'The kernel deletes an address when its lifetime ends, and tells nobody.',
  fix: 'rsprep apply, or ip address change VIP/32 dev lo valid_lft forever preferred_lft forever.',
  source: 'net/ipv4/devinet.c check_lifetime(); ip-address(8)',
  run: (context) =>
    withLinks(context, 'high', (links) =>
      context.desired.vips.flatMap((vip): readonly Verdict[] => {
        const address = inPlace(links, vip);
        if (!address || address.validSeconds === null) return [];
        return [
          wrong({
            subject: vip.address,
            severity: 'high',
            wanted: 'valid_lft forever',
            seen: `valid for ${address.validSeconds} s more`,
            why: 'The kernel deletes the VIP when that time is over, and this real server then drops its share of the traffic.',
            fix: `ip address change ${vip.address}/${hostPrefixLength(vip.address)} dev ${vip.device} valid_lft forever`,
            actions: [
              {
                kind: 'refresh-address',
                device: vip.device,
                ip: vip.address,
                prefixLength: address.prefixLength,
                deprecated: isIpv6(vip.address),
              },
            ],
            demand: { kind: 'vip', ip: vip.address },
            vips: [vip.address],
          }),
        ];
      }),
    ),
};

export const vipScope: Check = {
  id: 'vip-scope',
  title: 'The IPv4 VIP has scope host',
  severity: 'advice',
  culprit: 'address-owner',
  looksAt: 'The scope of each IPv4 VIP on its device: the kernel never chooses an address of scope host as a source.',
  why: 'With scope global the kernel may choose the VIP as the source of the host’s own packets when a NIC has no IPv4 address.',
  fix: 'apply leaves it as it is, because replies are lost while an address is deleted and added again. At a quiet moment: rsprep drain; rsprep remove; rsprep apply.',
  source: 'net/ipv4/devinet.c inet_select_addr()',
  run: (context) =>
    withLinks(context, 'advice', (links) =>
      context.desired.vips.flatMap((vip): readonly Verdict[] => {
        const address = inPlace(links, vip);
        if (!address || isIpv6(vip.address) || address.scope === 'host') return [];
        return [
          wrong({
            subject: vip.address,
            severity: 'advice',
            wanted: 'scope host',
            seen: `scope ${address.scope} (adopted as it was found)`,
            why: 'A NIC without an IPv4 address of its own would use the VIP as its source, in ARP too.',
            fix: 'at a quiet moment: rsprep remove, then rsprep apply',
            demand: { kind: 'vip', ip: vip.address },
            vips: [vip.address],
          }),
        ];
      }),
    ),
};
