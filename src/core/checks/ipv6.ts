import { inPlace } from '../addresses.ts';
import { type Verdict, wrong } from '../finding.ts';
import { isIpv6 } from '../names.ts';
import { withLinks } from './address.ts';
import type { Check } from './check.ts';

export const vip6Unusable: Check = {
  id: 'vip6-unusable',
  title: 'The IPv6 VIP passed duplicate address detection',
  severity: 'high',
  looksAt: 'The flags dadfailed and tentative of each IPv6 VIP on its device.',
  why: 'The kernel neither accepts nor sends packets for such an address.',
  mend: 'rsprep apply deletes it and adds it with nodad. Find out who else has it on this segment: it should be the director alone.',
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
            why: 'The kernel drops packets for this VIP until detection succeeds, so this real server loses its share.',
            mend: `ip address del ${vip.address}/128 dev ${vip.device}; ip address add ${vip.address}/128 dev ${vip.device} preferred_lft 0 nodad`,
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
  looksAt: 'The preferred lifetime of each IPv6 VIP on its device: 0 keeps it out of source address selection.',
  why: 'When the host’s own IPv6 address is deprecated, a preferred VIP is chosen as the source of outgoing connections, and the answers go to the director.',
  mend: 'rsprep apply, or ip -6 address change VIP/128 dev lo preferred_lft 0.',
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
            why: 'If the host’s own IPv6 address is ever deprecated, its outgoing connections start from the VIP and their answers go elsewhere.',
            mend: `ip -6 address change ${vip.address}/128 dev ${vip.device} valid_lft forever preferred_lft 0`,
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
