import type { CheckContext } from '../model/check.ts';
import { type Severity, unknown, type Verdict } from '../model/finding.ts';
import type { Link } from '../model/observed.ts';
import { lacksPrivilege } from '../model/reading.ts';

/** Runs a judgement over the observed links, or says once that they could not be observed. */
export function withLinks(
  context: CheckContext,
  severity: Severity,
  judge: (links: readonly Link[]) => readonly Verdict[],
): readonly Verdict[] {
  const { links } = context.observed;
  if (links.kind === 'value') return judge(links.value);
  return [
    unknown({
      subject: null,
      severity,
      reason: links.kind === 'unreadable' ? links.reason : 'the kernel reported no links',
      wouldHelp: 'ip(8) from iproute2 that answers `ip -j -d address show`',
      forLackOfPrivilege: lacksPrivilege(links),
    }),
  ];
}
