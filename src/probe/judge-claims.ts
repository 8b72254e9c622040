import type { Ip } from '../core/model/names.ts';
import { isVrrpMac, type Mac } from './mac.ts';
import { type ProbeResult, voided } from './result.ts';

export interface Claims {
  readonly vip: Ip;
  readonly device: string;
  /** Every MAC that claimed the VIP, in the order heard. */
  readonly macs: readonly Mac[];
  /** This host's own interface with the VIP on it, which never answers itself. */
  readonly own: Mac | null;
  /** Who may claim it; null where nobody said. Empty: nobody may. */
  readonly expected: readonly Mac[] | null;
  /** Whether `expected` was given by a person; otherwise it is what the directors' own addresses resolve to. */
  readonly expectedByHand: boolean;
  /** Another address that had to answer, and whether it did. */
  readonly control: { readonly ip: Ip; readonly answered: boolean } | null;
}

/** The director alone may claim the VIP. An answer judges itself; that nobody else answered needs a control that did. */
export function judgeClaims(claims: Claims): ProbeResult {
  const { vip, device, macs, own, expected, expectedByHand, control } = claims;
  const all = own === null ? macs : [...macs, own];
  const allowed = (mac: Mac): boolean =>
    expected?.includes(mac) === true || (!expectedByHand && expected !== null && isVrrpMac(mac));
  const strangers = expected === null ? [] : all.filter((mac) => !allowed(mac));
  const wrong = (seen: string, wanted: string): ProbeResult => ({
    ...{ probe: 'probe-claim', subject: vip, outcome: 'wrong', severity: 'critical', wanted, seen, vips: [vip] },
    why: 'A neighbour that believes the wrong one sends all its traffic for the VIP to one host, past the director.',
    next: 'find that host by its MAC and run `rsprep verify` there; when it is fixed, run `arping -U -c1 VIP` on the director to correct the neighbours',
  });
  const claimed = all.map((mac) => (mac === own ? `${mac} (this host, ${device})` : mac)).join(', ');
  if (strangers.length > 0)
    return wrong(`claimed by ${claimed}`, expected?.length ? `${expected.join(' or ')} only` : 'nobody claims it');
  if (expected === null && all.length > 1) return wrong(`claimed by ${all.length} hosts: ${claimed}`, 'one claimant');
  if (expected === null)
    return voided('probe-claim', vip, {
      message:
        all.length === 1
          ? `claimed by ${claimed}, but rsprep does not know whether it may`
          : `nobody claims it on ${device}`,
      next: 'give the MAC that may claim it: --expect MAC, or --expect none, or `directors:` in the configuration',
    });
  const heardExpected = all.some(allowed) && macs.length > 0;
  if (heardExpected)
    return {
      probe: 'probe-claim',
      subject: vip,
      outcome: 'good',
      seen: `claimed by ${claimed} alone`,
      control: 'it answered',
    };
  if ((expected.length === 0 || own !== null) && control?.answered === true)
    return {
      ...{ probe: 'probe-claim', subject: vip, outcome: 'good', control: `${control.ip} answered the same question` },
      seen: own === null ? 'nobody claims it' : `nobody but this host claims it`,
    };
  return voided('probe-claim', vip, {
    message:
      expected.length > 0 && own === null
        ? `nobody claims it on ${device}, not even ${expected.join(' or ')}`
        : `nobody claims it on ${device}, and no control answered${control === null ? ' (there was none)' : ` (${control.ip})`}`,
    next: `see whether ${device} is the network of the VIP; --control IP names an address that must answer there`,
  });
}
