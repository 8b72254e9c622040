import type { Check } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';

export const ignoreExpired: Check = {
  id: 'ignore-expired',
  title: 'No exception is past its date',
  severity: 'advice',
  looksAt: 'The `until:` of each entry of `ignore:` in the configuration. It holds to the end of that day, UTC.',
  why: 'After that day the findings that the entry ignored count again, as its author decided.',
  fix: 'Fix the findings that it ignored and delete the entry, or give it a new date.',
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
            why: 'The findings that it ignored count again since that day.',
            fix: 'fix the findings that it ignored, or give it a new `until:`',
            demand: { kind: 'host' },
          }),
      ),
};

/** @param ids of all findings there can be. */
export const ignoreUnknown = (ids: () => readonly string[]): Check => ({
  id: 'ignore-unknown',
  title: 'Every exception names a check',
  severity: 'advice',
  looksAt:
    'The `id:` of each entry of `ignore:` in the configuration: the part before a wildcard or an @ must fit a check.',
  why: 'An entry that can match no finding ignores nothing, although its author expects it to.',
  fix: 'Correct the entry (rsprep explain lists every check), or take it out.',
  source: 'the configuration',
  run: ({ desired }) =>
    desired.ignore
      .filter(({ id }) => !couldMatch(id, ids()))
      .map(
        ({ id, reason }): Verdict =>
          wrong({
            subject: id,
            severity: 'advice',
            wanted: 'the id of a check',
            seen: `ignore: ${id} (${reason}) can match no finding`,
            why: 'It ignores nothing.',
            fix: 'correct it (rsprep explain lists every check), or take it out',
            demand: { kind: 'configuration' },
          }),
      ),
});

function couldMatch(glob: string, ids: readonly string[]): boolean {
  const start = glob.split(/[@*?]/)[0] ?? '';
  const isWhole = start === glob || glob[start.length] === '@';
  return ids.some((id) => (isWhole ? id === start : id.startsWith(start)));
}
