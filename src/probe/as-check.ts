import type { Check } from '../core/model/check.ts';
import { unknown, type Verdict, wrong } from '../core/model/finding.ts';
import type { ProbeId, ProbeResult, ProbeRun } from './result.ts';

/** What a run of `probe self` found, as checks beside all others: `ignore:`, folding and exit codes are then the same. */
export function checksOf({ results, failure }: ProbeRun): readonly Check[] {
  if (failure)
    return [
      makeCheck('probe-arp', () => [
        unknown({
          ...{ subject: null, severity: 'critical', reason: failure.message, wouldHelp: failure.next },
          forLackOfPrivilege: failure.kind === 'permission',
        }),
      ]),
    ];
  const ids = [...new Set(results.map(({ probe }) => probe))];
  return ids.map((id) => makeCheck(id, () => results.filter(({ probe }) => probe === id).flatMap(toVerdict)));
}

function toVerdict(result: ProbeResult): readonly Verdict[] {
  const { subject } = result;
  switch (result.outcome) {
    case 'good':
    case 'skipped':
      return [];
    case 'void':
      return [
        unknown({
          ...{ subject, reason: result.reason, wouldHelp: result.next },
          severity: result.probe === 'probe-arp' || result.probe === 'probe-ndp' ? 'critical' : 'high',
          forLackOfPrivilege: result.forLackOfPrivilege,
        }),
      ];
    case 'wrong': {
      const [vip] = result.vips;
      return [
        wrong({
          ...{ subject, severity: result.severity, wanted: result.wanted, seen: result.seen, why: result.why },
          fix: result.next,
          demand: vip === undefined ? { kind: 'host' } : { kind: 'vip', ip: vip },
          vips: result.vips,
          rootedIn: result.probe === 'probe-arp' ? `arp-ignore@${subject}` : null,
        }),
      ];
    }
  }
}

const makeCheck = (id: ProbeId, run: Check['run']): Check => ({
  id,
  severity: 'critical',
  title: 'What a probe shows of this host’s behaviour',
  looksAt: 'answers to questions put into its interfaces; see `rsprep probe self`',
  why: 'The settings can be right and the behaviour wrong.',
  fix: 'rsprep apply',
  source: 'docs/probes.md',
  run,
});
