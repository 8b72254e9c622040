import { SEVERITIES } from '../model/finding.ts';
import type { GoneFinding, OpenFinding } from './compare.ts';
import { EXIT } from './exit-code.ts';

/** Raised when a line's fields change their meaning; readers skip lines of a newer one. */
export const JOURNAL_VERSION = 1;
/** Absolute; `--root` goes before it. Belongs to the user `rsprep`, who can write nothing else. */
export const REPORT_DIRECTORY = '/var/lib/rsprep/report';

/** One run: one line of the journal. Lists are left out where they are empty. */
export interface RunRecord {
  readonly v: typeof JOURNAL_VERSION;
  /** Counts runs on this host, from 1. */
  readonly seq: number;
  /** The last run up to this one that changed anything: a reader that knows that one need not look further back. */
  readonly changedSeq: number;
  /** Everything up to this run has been told to somebody, as far as this run knew. */
  readonly told: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly exit: number;
  /** How long the run took, in milliseconds. */
  readonly ms: number;
  /** How many findings are open. */
  readonly open: number;
  readonly new?: readonly OpenFinding[];
  readonly changed?: readonly OpenFinding[];
  readonly gone?: readonly GoneFinding[];
  /** Who may have done it, by finding. */
  readonly who?: Readonly<Record<string, readonly string[]>>;
  /** Overrides in force: `hold`, `drain`, `vouch`. */
  readonly overrides?: readonly string[];
  /** Why the run could not look. */
  readonly failure?: string;
}

/** What one report leaves for the next. Everything in it but `toldAt` and `textfile` can be made again from the journal. */
export interface LastRun {
  readonly format: 1;
  /** The last run whose changes are in `open`. */
  readonly seq: number;
  readonly open: readonly OpenFinding[];
  readonly toldAt: string | null;
  /** The last run that could tell how the host is. */
  readonly successAt: string | null;
  /** Where metrics were last written: a run whose configuration is broken still says so there. */
  readonly textfile: string | null;
}

/** For a host where no report ever ran. */
export const firstRun: LastRun = { format: 1, seq: 0, open: [], toldAt: null, successAt: null, textfile: null };

/** Null for what is no JSON, or no object. */
function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** `null` for a line that is no record of ours: torn, garbage, or a newer version's. */
export function parseRecord(line: string): RunRecord | null {
  const parsed = objectIn(line);
  if (parsed === null || parsed.v !== JOURNAL_VERSION || !isTime(parsed.at)) return null;
  const counts = ['seq', 'changedSeq', 'told'].every((key) => isCount(parsed[key]));
  const numbers = ['exit', 'ms', 'open'].every((key) => Number.isFinite(parsed[key]));
  const lists = ['new', 'changed', 'gone'].every((key) => parsed[key] === undefined || isFindings(parsed[key]));
  const { who = {}, overrides = [], failure = '' } = parsed;
  const rest = isObject(who) && Object.values(who).every(isTexts) && isTexts(overrides) && isText(failure);
  return counts && numbers && lists && rest ? (parsed as unknown as RunRecord) : null;
}

/** Null for what is none of ours; it can be made again from the journal. */
export function parseLastRun(text: string): LastRun | null {
  const parsed = objectIn(text);
  if (parsed === null || parsed.format !== 1 || !isCount(parsed.seq) || !isFindings(parsed.open)) return null;
  const { toldAt, successAt, textfile } = parsed;
  const times = [toldAt, successAt].every((time) => time === null || isTime(time));
  return times && (textfile === null || isText(textfile)) ? (parsed as unknown as LastRun) : null;
}

/** Ten digits, as names of rotated files have them: a run a second for three hundred years. */
const isCount = (item: unknown): boolean => Number.isInteger(item) && Number(item) >= 0 && Number(item) < 1e10;

/** The user rsprep may write these files, and root reads them: every field is looked at before it is used. */
const isFindings = (list: unknown): boolean => Array.isArray(list) && list.every(isFinding);

const isFinding = (item: unknown): boolean =>
  isObject(item) &&
  [item.id, item.check, item.seen].every(isText) &&
  isTime(item.since) &&
  SEVERITIES.some((severity) => severity === item.severity) &&
  (item.kind === 'wrong' || item.kind === 'unknown') &&
  (item.cause === null || isText(item.cause)) &&
  typeof item.told === 'boolean';

const isObject = (item: unknown): item is Readonly<Record<string, unknown>> =>
  typeof item === 'object' && item !== null && !Array.isArray(item);
const isText = (item: unknown): item is string => typeof item === 'string';
const isTexts = (list: unknown): boolean => Array.isArray(list) && list.every(isText);
const isTime = (item: unknown): boolean => isText(item) && !Number.isNaN(Date.parse(item));

/** The run could tell how the host is: as wanted, drift or pending. */
export const couldTell = ({ exit }: Pick<RunRecord, 'exit'>): boolean =>
  exit === EXIT.ok || exit === EXIT.drift || exit === EXIT.pending;

/** What is open after a run, by what was open before it and what its line says. */
export function replay(open: readonly OpenFinding[], record: RunRecord): readonly OpenFinding[] {
  const after = new Map(open.map((finding) => [finding.id, finding]));
  for (const { id } of record.gone ?? []) after.delete(id);
  for (const finding of [...(record.new ?? []), ...(record.changed ?? [])]) after.set(finding.id, finding);
  return [...after.values()];
}

/**
 * Brings what the last report left up to date with runs that were killed after their line was written and before they
 * could tell anybody: what they found counts as not told.
 * @param records in order, all after `last.seq`
 */
export function catchUp(
  last: LastRun,
  records: readonly RunRecord[],
): { readonly last: LastRun; readonly goneUntold: readonly GoneFinding[] } {
  let { open, seq, successAt } = last;
  const goneUntold: GoneFinding[] = [];
  for (const record of records) {
    open = replay(open, record);
    goneUntold.push(...(record.gone ?? []).filter(({ told }) => told));
    seq = Math.max(seq, record.seq);
    if (couldTell(record)) successAt = record.at;
  }
  const back = new Set(open.map(({ id }) => id));
  return { last: { ...last, open, seq, successAt }, goneUntold: goneUntold.filter(({ id }) => !back.has(id)) };
}

/** The same from the journal alone, where what the last report left is lost. */
export function rebuild(records: readonly RunRecord[]): ReturnType<typeof catchUp> {
  const told = records.at(-1)?.told ?? 0;
  const { last } = catchUp(
    firstRun,
    records.filter(({ seq }) => seq <= told),
  );
  const open = last.open.map((finding) => ({ ...finding, told: true }));
  return catchUp(
    { ...last, open },
    records.filter(({ seq }) => seq > told),
  );
}
