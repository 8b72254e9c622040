import type { Reporting } from '../../app/ports/report.ts';
import { errorText, isPrivilege } from '../files/errors.ts';
import type { Paths } from '../files/paths.ts';
import { culprits } from '../observe/culprits.ts';
import { appendRecord, lastRecord, readJournal, readLastRun, writeLastRun } from '../state/journal.ts';
import { type HostOptions, lookingAt } from './host.ts';

/** The real host, for reports: looking, and a journal of its own. */
export const reportingOn = (paths: Paths, options: HostOptions): Reporting => ({
  ...lookingAt(paths, options),
  lastRecord: () => lastRecord(paths),
  journal: () => readJournal(paths),
  appendRecord: (record) => appendRecord(paths, record),
  lastRun: () => readLastRun(paths),
  writeLastRun: (last) => writeLastRun(paths, last),
  culprits: (findings, observed) => culprits(paths, findings, observed),
  explain: (error) => ({ text: errorText(error), forLackOfPrivilege: isPrivilege(error) }),
});
