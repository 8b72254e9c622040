import type { OpenFinding } from './compare.ts';
import { EXIT } from './exit-code.ts';
import { couldTell, type RunRecord, replay } from './journal.ts';

export interface HistoryEntry {
  readonly at: string;
  readonly what: 'new' | 'changed' | 'gone' | 'ignored' | 'override' | 'override-ended' | 'silence';
  readonly id: string;
  readonly severity: OpenFinding['severity'] | null;
  readonly text: string;
  /** For `gone`: how long it was open. For `silence`: how long nothing ran. */
  readonly lastedMs: number | null;
  readonly who: readonly string[];
}

export interface CheckTotal {
  readonly check: string;
  readonly times: number;
  readonly openMs: number;
  readonly openNow: number;
}

export interface History {
  readonly from: string;
  readonly to: string;
  readonly runs: number;
  readonly failedRuns: number;
  readonly driftMs: number;
  /** Time between runs that followed each other as usual; only of that can anything be said. */
  readonly observedMs: number;
  readonly entries: readonly HistoryEntry[];
  readonly totals: readonly CheckTotal[];
}

/** Runs this much further apart than usual are a gap in which nothing is known. */
const GAP_FACTOR = 4;
const SHORTEST_GAP_MS = 30 * 60_000;

/**
 * A timeline of the runs from `from` on, with totals per check and the time in drift.
 * @param records in order, oldest first; earlier ones than `from` are needed to know what was open then
 * @param to ISO 8601, UTC: now
 */
export function historyOf(records: readonly RunRecord[], from: string | null, to: string): History {
  const start = from ?? records[0]?.at ?? to;
  const inside = records.filter(({ at }) => at >= start && at <= to);
  const gapMs = longestUsual(inside);
  const walk = new Walk(Date.parse(start));
  let open: readonly OpenFinding[] = [];
  let before: RunRecord | null = null;
  for (const record of records) {
    if (record.at >= start && record.at <= to) {
      walk.interval(before, record.at, open, gapMs);
      walk.record(before, record);
    }
    open = replay(open, record);
    before = record;
  }
  if (before !== null) walk.interval(before, to, open, gapMs);
  return {
    from: start,
    to,
    runs: inside.length,
    failedRuns: inside.filter((record) => !couldTell(record)).length,
    driftMs: walk.driftMs,
    observedMs: walk.observedMs,
    entries: walk.entries,
    totals: walk.totals(open),
  };
}

class Walk {
  readonly entries: HistoryEntry[] = [];
  readonly #openMs = new Map<string, number>();
  readonly #times = new Map<string, number>();
  readonly #startMs: number;
  driftMs = 0;
  observedMs = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** What held between two runs is what the first of them found. */
  interval(before: RunRecord | null, to: string, open: readonly OpenFinding[], gapMs: number): void {
    if (before === null) return;
    const fromMs = Math.max(Date.parse(before.at), this.#startMs);
    const ms = Date.parse(to) - fromMs;
    if (ms > gapMs) {
      const text = 'no report ran, so nothing is known about this time';
      const entry = {
        at: new Date(fromMs).toISOString(),
        id: '',
        severity: null,
        lastedMs: ms,
        who: [],
        text,
      } as const;
      this.entries.push({ ...entry, what: 'silence' });
      return;
    }
    if (ms <= 0) return;
    this.observedMs += ms;
    if (before.exit === EXIT.drift) this.driftMs += ms;
    for (const check of new Set(open.map((finding) => finding.check)))
      this.#openMs.set(check, (this.#openMs.get(check) ?? 0) + ms);
  }

  record(before: RunRecord | null, record: RunRecord): void {
    const add = (what: HistoryEntry['what'], finding: OpenFinding, lastedMs: number | null = null): void => {
      const { id, severity, seen } = finding;
      this.entries.push({ at: record.at, what, id, severity, text: seen, lastedMs, who: record.who?.[id] ?? [] });
    };
    for (const finding of record.new ?? []) {
      this.#times.set(finding.check, (this.#times.get(finding.check) ?? 0) + 1);
      add('new', finding);
    }
    for (const finding of record.changed ?? []) add('changed', finding);
    for (const finding of record.gone ?? [])
      add(
        finding.because === 'ignored' ? 'ignored' : 'gone',
        finding,
        Date.parse(record.at) - Date.parse(finding.since),
      );
    this.#overrides(before?.overrides ?? [], record);
  }

  #overrides(before: readonly string[], { at, overrides = [] }: RunRecord): void {
    const entry = { at, severity: null, lastedMs: null, who: [] } as const;
    for (const id of overrides) {
      if (!before.includes(id)) this.entries.push({ ...entry, what: 'override', id, text: `${id} in force` });
    }
    for (const id of before) {
      if (!overrides.includes(id)) this.entries.push({ ...entry, what: 'override-ended', id, text: `${id} ended` });
    }
  }

  totals(open: readonly OpenFinding[]): readonly CheckTotal[] {
    const checks = new Set([...this.#times.keys(), ...this.#openMs.keys()]);
    return [...checks]
      .map((check) => ({
        check,
        times: this.#times.get(check) ?? 0,
        openMs: this.#openMs.get(check) ?? 0,
        openNow: open.filter((finding) => finding.check === check).length,
      }))
      .sort((a, b) => b.openMs - a.openMs || a.check.localeCompare(b.check));
  }
}

/** In milliseconds: several times the median distance of two runs. */
function longestUsual(records: readonly RunRecord[]): number {
  const distances = records
    .slice(1)
    .map((record, index) => Date.parse(record.at) - Date.parse(records[index]?.at ?? record.at))
    .sort((a, b) => a - b);
  const median = distances[Math.floor(distances.length / 2)] ?? 0;
  return Math.max(SHORTEST_GAP_MS, GAP_FACTOR * median);
}
