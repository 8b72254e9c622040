import type { History, HistoryEntry } from '../core/report/history.ts';
import { FORMAT_VERSION } from '../core/report/report.ts';
import { type SafeText, safe, safeJson, safeLines } from './safe-text.ts';
import type { Style } from './style.ts';
import { clock, roughly } from './time.ts';

/** The journal as a timeline for a person: what came and went, how long it lasted, and what it adds up to. */
export function renderHistory(host: string, history: History, skipped: number, style: Style): SafeText {
  const { from, to, runs, failedRuns, driftMs, observedMs, entries, totals } = history;
  const share = observedMs > 0 ? ` (${((100 * driftMs) / observedMs).toFixed(1)} %)` : '';
  return safeLines([
    safe`${style.bold(host)}: ${clock(from)} to ${clock(to)}`,
    '',
    ...entries.map((entry) => entryLine(entry, style)),
    ...(entries.length > 0 ? [''] : []),
    ...totals.map(
      ({ check, times, openMs, openNow }) =>
        safe`  ${check.padEnd(22)} ${String(times).padStart(4)} × ${roughly(openMs).padStart(8)} open${openNow > 0 ? style.yellow(`, ${openNow} still`) : ''}`,
    ),
    ...(totals.length > 0 ? [''] : []),
    `in drift for ${roughly(driftMs)} of ${roughly(observedMs)}${share}; ${runs} ${runs === 1 ? 'run' : 'runs'}${failedRuns > 0 ? `, ${failedRuns} could not tell` : ''}`,
    ...(skipped > 0 ? [`note: ${skipped} lines of the journal could not be read and are left out`] : []),
  ]);
}

export function historyJson(host: string, history: History, skipped: number): SafeText {
  const { from, to, runs, failedRuns, driftMs, observedMs, entries, totals } = history;
  const document = {
    format_version: FORMAT_VERSION,
    command: 'report',
    host,
    from,
    to,
    runs,
    failed_runs: failedRuns,
    skipped_lines: skipped,
    drift_seconds: driftMs / 1000,
    observed_seconds: observedMs / 1000,
    entries: entries.map(({ at, what, id, severity, text, lastedMs, who }) => ({
      at,
      what,
      id,
      severity,
      text,
      lasted_seconds: lastedMs === null ? null : lastedMs / 1000,
      who,
    })),
    totals: totals.map(({ check, times, openMs, openNow }) => ({
      check,
      times,
      open_seconds: openMs / 1000,
      open_now: openNow,
    })),
  };
  return safeJson(document);
}

const WORDS: Readonly<Record<HistoryEntry['what'], string>> = {
  new: 'NEW    ',
  changed: 'CHANGED',
  gone: 'GONE   ',
  ignored: 'IGNORED',
  override: 'BEGIN  ',
  'override-ended': 'END    ',
  silence: 'GAP    ',
};

function entryLine(entry: HistoryEntry, style: Style): SafeText {
  const { at, what, id, severity, text, lastedMs, who } = entry;
  const paint = what === 'new' ? style.red : what === 'gone' ? style.green : style.dim;
  const lasted =
    lastedMs === null ? '' : what === 'silence' ? ` (${roughly(lastedMs)})` : ` after ${roughly(lastedMs)}`;
  const said = what === 'gone' || what === 'ignored' ? `${severity} ${id}${lasted}` : null;
  const by = who.length > 0 ? `; ${who.join('; ')}` : '';
  const rest = said ?? (severity === null ? `${text}${lasted}` : `${severity} ${id}: ${text}${by}`);
  return safe`${clock(at)}  ${paint(WORDS[what])}  ${rest}`;
}
