import { lacksPrivilege, type Unreadable } from '../../core/model/reading.ts';
import type { GoneFinding } from '../../core/report/compare.ts';
import { catchUp, couldTell, firstRun, type LastRun, type RunRecord, rebuild } from '../../core/report/journal.ts';
import type { Reporting } from '../ports/report.ts';

/** What earlier runs left. */
export interface Remembered {
  readonly last: LastRun;
  readonly goneUntold: readonly GoneFinding[];
  /** The journal knew more than the last run had written down: that run was killed. */
  readonly replayed: boolean;
  /** Of the newest line in the journal; 0 for none. */
  readonly lastSeq: number;
  readonly changedSeq: number;
  /** Everything up to this run has been told. */
  readonly toldSeq: number;
  /** Why nothing can be said about earlier runs. */
  readonly trouble: { readonly message: string; readonly forLackOfPrivilege: boolean } | null;
}

const nothing: Remembered = {
  last: firstRun,
  goneUntold: [],
  replayed: false,
  lastSeq: 0,
  changedSeq: 0,
  toldSeq: 0,
  trouble: null,
};

/** Two short reads on a host where nothing happened; the journal is read only where the last run was killed. */
export function recall(host: Reporting): Remembered {
  const newest = host.lastRecord();
  if (newest.kind === 'unreadable') return unreadable(newest);
  const record = newest.kind === 'value' ? newest.value : null;
  const left = host.lastRun();
  if (left.kind === 'unreadable') return unreadable(left);
  if (left.kind === 'value') return fromLastRun(host, left.value, record);
  if (record === null) return nothing;
  const journal = host.journal();
  if (journal.kind !== 'value') return journal.kind === 'absent' ? nothing : unreadable(journal);
  const { last, goneUntold } = rebuild(journal.value.records);
  return {
    last,
    goneUntold,
    replayed: true,
    lastSeq: record.seq,
    changedSeq: record.changedSeq,
    toldSeq: record.told,
    trouble: null,
  };
}

function fromLastRun(host: Reporting, last: LastRun, record: RunRecord | null): Remembered {
  const lastSeq = Math.max(record?.seq ?? 0, last.seq);
  const changedSeq = Math.max(record?.changedSeq ?? 0, last.seq);
  const successAt = record && couldTell(record) ? record.at : last.successAt;
  const base = { lastSeq, changedSeq, toldSeq: last.seq, trouble: null };
  if (record === null || record.changedSeq <= last.seq)
    return { ...base, last: { ...last, successAt }, goneUntold: [], replayed: false };
  const journal = host.journal();
  if (journal.kind !== 'value')
    return journal.kind === 'absent'
      ? { ...base, last, goneUntold: [], replayed: false }
      : { ...unreadable(journal), last };
  const missed = journal.value.records.filter(({ seq }) => seq > last.seq);
  return { ...base, ...catchUp(last, missed), replayed: true };
}

const unreadable = (reading: Unreadable): Remembered => ({
  ...nothing,
  trouble: {
    message: `the results of earlier runs cannot be read: ${reading.reason}`,
    forLackOfPrivilege: lacksPrivilege(reading),
  },
});
