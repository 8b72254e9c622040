import { isIpv6 } from '../core/model/names.ts';
import { type Farm, hostAddress } from './farm.ts';

/** The director's sysctls that the removal of a real server needs, and why. */
const DIRECTOR_SYSCTLS: readonly { readonly key: string; readonly value: 1; readonly why: string }[] = [
  {
    key: 'net.ipv4.vs.expire_nodest_conn',
    value: 1,
    why: 'flows of a removed server go to another one at their next packet; without it they are lost until they expire',
  },
  {
    key: 'net.ipv4.vs.expire_quiescent_template',
    value: 1,
    why: 'a persistent client leaves a server whose weight became 0',
  },
  {
    key: 'net.ipv4.conf.all.promote_secondaries',
    value: 1,
    why: 'if the first address of a subnet is removed, the others stay; without this they are removed too, a VIP among them',
  },
];

/** What a person who sets up the director must know beside the rendered part. */
export function directorNotes(farm: Farm): string[] {
  const vips = [...new Set(farm.services.map(({ vip }) => vip))];
  return [
    'On the director, in /etc/sysctl.d:',
    ...DIRECTOR_SYSCTLS.flatMap(({ key, value, why }) => [`  ${key} = ${value}`, `      ${why}`]),
    '',
    `The director holds ${vips.map(hostAddress).join(', ')}: with that prefix length, not the subnet's.`,
    'With /24 the VIP becomes a second address of the subnet: it is removed with the first one (see promote_secondaries),',
    'and the director may use it as its own source, which every real server drops, because it has that address itself ("martian").',
    ...(vips.some(isIpv6) ? ['On IPv6 give it preferred_lft 0 for the same reason.'] : []),
    ...farm.withoutService.map((vip) => `No service is configured for ${vip}: nothing is rendered for it.`),
  ];
}
