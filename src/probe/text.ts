import { printable, type Style } from '../format/style.ts';
import type { ProbeResult, ProbeRun } from './result.ts';

/** For people: what is wrong first, then what could not be told, then the rest. */
export function renderProbe(run: ProbeRun, options: { readonly style: Style; readonly quiet: boolean }): string {
  const { style, quiet } = options;
  const rank = { wrong: 0, void: 1, good: 2, skipped: 3 } as const;
  const shown = run.results
    .filter(({ outcome }) => !quiet || outcome === 'wrong' || outcome === 'void')
    .toSorted((a, b) => rank[a.outcome] - rank[b.outcome]);
  const lines = [
    ...shown.flatMap((result) => lineOf(safe(result), style)),
    ...(quiet ? [] : run.notes.map((note) => `${style.dim('note:')} ${note}`)),
    summary(run, style),
  ];
  return `${lines.join('\n')}\n`;
}

/** Names of interfaces and what a stranger answered must not steer the terminal. */
const safe = (result: ProbeResult): ProbeResult =>
  Object.fromEntries(
    Object.entries(result).map(([key, item]) => [key, typeof item === 'string' ? printable(item) : item]),
  ) as unknown as ProbeResult;

function lineOf(result: ProbeResult, style: Style): readonly string[] {
  const name = `${result.probe}@${result.subject}`;
  switch (result.outcome) {
    case 'wrong':
      return [
        `${style.red('WRONG')}   ${style.bold(name)}: ${result.seen}`,
        `        wanted: ${result.wanted}`,
        `        why:    ${result.why}`,
        `        next:   ${result.next}`,
      ];
    case 'void':
      return [`${style.yellow('UNKNOWN')} ${style.bold(name)}: ${result.reason}`, `        next:   ${result.next}`];
    case 'good':
      return [`${style.green('ok')}      ${name}: ${result.seen} ${style.dim(`(control: ${result.control})`)}`];
    case 'skipped':
      return [style.dim(`-       ${name}: not probed: ${result.reason}`)];
  }
}

function summary({ results, failure }: ProbeRun, style: Style): string {
  if (failure) return `${style.yellow('could not probe')}: ${failure.message}`;
  const count = (wanted: ProbeResult['outcome']): number => results.filter(({ outcome }) => outcome === wanted).length;
  if (results.length === 0) return 'nothing to probe';
  const parts = [`${count('wrong')} wrong`, `${count('void')} could not tell`, `${count('good')} as wanted`];
  return style.bold(parts.join(', '));
}
