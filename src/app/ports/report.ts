import type { Observed } from '../../core/model/observed.ts';
import type { Reading } from '../../core/model/reading.ts';
import type { OpenFinding } from '../../core/report/compare.ts';
import type { LastRun, RunRecord } from '../../core/report/journal.ts';
import type { Looking } from './host.ts';

/** What `rsprep report` needs besides looking: its own journal. Nothing in it can change the host or the ledger. */
export interface Reporting extends Looking {
  /** The newest line; null where no report ever ran. */
  lastRecord(): Reading<RunRecord | null>;
  /** Every line there is, oldest first. */
  journal(): Reading<{ readonly records: readonly RunRecord[]; readonly skipped: number }>;
  /** @throws the system's error; the journal is then as it was. */
  appendRecord(record: RunRecord): void;
  /** Absent where there is none, or none that can be used. */
  lastRun(): Reading<LastRun>;
  /** @throws the system's error. */
  writeLastRun(last: LastRun): Promise<void>;
  /** Who may have made these findings, by id; looked for only where something is new. */
  culprits(findings: readonly OpenFinding[], observed: Observed | null): ReadonlyMap<string, readonly string[]>;
  /** A system error in words, and whether it is for lack of privilege. */
  explain(error: unknown): { readonly text: string; readonly forLackOfPrivilege: boolean };
}
