import { type Verdict, wrong } from '../finding.ts';
import type { Check } from './check.ts';

export const ignoreExpired: Check = {
  id: 'ignore-expired',
  title: 'No exception is past its date',
  severity: 'advice',
  looksAt: 'The `until:` of each entry of `ignore:` in the configuration. It holds to the end of that day, UTC.',
  why: 'From that day on the findings it set aside count again; somebody once decided that they should.',
  mend: 'Mend what it set aside, or give the entry a new date; then take it out of the configuration.',
  source: 'the configuration',
  run: ({ desired }, today) =>
    desired.ignore
      .filter(({ until }) => until !== null && until < today)
      .map(
        ({ id, reason, until }): Verdict =>
          wrong({
            subject: id,
            severity: 'advice',
            wanted: 'no entry of `ignore:` past its date',
            seen: `ignore: ${id} (${reason}) ended on ${until}`,
            why: 'What it set aside counts again from that day on.',
            mend: 'mend what it was for, or renew its `until:`',
            demand: { kind: 'host' },
          }),
      ),
};
