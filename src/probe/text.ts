import { type SafeText, safe, safeLines } from '../format/safe-text.ts';
import type { Style } from '../format/style.ts';
import type { ProbeResult, ProbeRun } from './result.ts';

/** For people: what is wrong first, then what could not be told, then the rest. */
export function renderProbe(run: ProbeRun, options: { readonly style: Style; readonly quiet: boolean }): SafeText {
  const { style, quiet } = options;
  const rank = { wrong: 0, void: 1, good: 2, skipped: 3 } as const;
  const shown = run.results
    .filter(({ outcome }) => !quiet || outcome === 'wrong' || outcome === 'void')
    .toSorted((a, b) => rank[a.outcome] - rank[b.outcome]);
  return safeLines([
    ...shown.flatMap((result) => lineOf(result, style)),
    ...(quiet ? [] : run.notes.map((note) => safe`${style.dim('note:')} ${note}`)),
    summary(run, style),
  ]);
}

function lineOf(result: ProbeResult, style: Style): readonly SafeText[] {
  const name = `${result.probe}@${result.subject}`;
  switch (result.outcome) {
    case 'wrong':
      return [
        safe`${style.red('WRONG')}   ${style.bold(name)}: ${result.seen}`,
        safe`        wanted: ${result.wanted}`,
        safe`        why:    ${result.why}`,
        safe`        next:   ${result.next}`,
      ];
    case 'void':
      return [
        safe`${style.yellow('UNKNOWN')} ${style.bold(name)}: ${result.reason}`,
        safe`        next:   ${result.next}`,
      ];
    case 'good':
      return [safe`${style.green('ok')}      ${name}: ${result.seen} ${style.dim(`(control: ${result.control})`)}`];
    case 'skipped':
      return [style.dim(`-       ${name}: not probed: ${result.reason}`)];
  }
}

function summary({ results, failure }: ProbeRun, style: Style): SafeText {
  if (failure) return safe`${style.yellow('could not probe')}: ${failure.message}`;
  const count = (wanted: ProbeResult['outcome']): number => results.filter(({ outcome }) => outcome === wanted).length;
  if (results.length === 0) return safe`nothing to probe`;
  const parts = [`${count('wrong')} wrong`, `${count('void')} could not tell`, `${count('good')} as wanted`];
  return style.bold(parts.join(', '));
}
