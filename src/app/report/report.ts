import type { Desired } from '../../core/model/desired.ts';
import type { Observed } from '../../core/model/observed.ts';
import { overrideOf } from '../../core/model/override.ts';
import { type Changes, compare, nothingChanged, openAfter } from '../../core/report/compare.ts';
import { EXIT, exitCode } from '../../core/report/exit-code.ts';
import { couldTell, JOURNAL_VERSION, type LastRun, type RunRecord } from '../../core/report/journal.ts';
import { markTold, type News, newsOf } from '../../core/report/news.ts';
import type { Report } from '../../core/report/report.ts';
import { baseReport, look } from '../look.ts';
import type { Failure } from '../ports/host.ts';
import type { Reporting } from '../ports/report.ts';
import { type Remembered, recall } from './recall.ts';

/** A verify, what changed since the last run, and what is to be told of it. */
export interface ReportRun {
  readonly report: Report;
  readonly changes: Changes;
  readonly news: News;
  readonly who: ReadonlyMap<string, readonly string[]>;
  /** The last run that could tell how the host is, this one included; ISO 8601, UTC. */
  readonly successAt: string | null;
  /** Where metrics go, by the configuration or, where that is broken, by the run before. */
  readonly textfile: string | null;
  /** What is left for the next run once the news are told; null if nothing needs to be written. */
  readonly toRemember: LastRun | null;
  /** What kept this run from being remembered, for standard error. */
  readonly complaint: string | null;
}

const DAY_MS = 86_400_000;

/**
 * Looks, compares and journals. The caller tells the news and then calls `settle`. A run that is killed in between is told
 * by the next one: its line is in the journal, and nothing says that anybody has been told.
 * @param desired null where the configuration cannot be used; `failure` then says why
 */
export function report(
  host: Reporting,
  desired: Desired | null,
  failure: Failure | null,
  options: { readonly strict: boolean },
): ReportRun {
  const startedMs = host.monotonicMs();
  const looked = desired ? look(host, desired, false) : null;
  const base = { ...baseReport(host, 'report', desired), strict: options.strict };
  const judged: Report = {
    ...base,
    ...(looked ? { judgement: looked.judgement } : {}),
    ...(failure ? { failure, ending: 'failed' as const } : {}),
    durationMs: host.monotonicMs() - startedMs,
  };
  const before = recall(host);
  const { last } = before;
  const changes = compare(last.open, { judgement: judged.judgement, failure, at: judged.at });
  const who = whoDid(host, changes, looked?.context.observed ?? null);
  const news = newsOf(changes, {
    goneUntold: before.goneUntold,
    held: overrideOf(judged.overrides, 'hold') !== null,
    toldAt: last.toldAt,
    remindMs: desired?.report.remindMs ?? DAY_MS,
    nowMs: Date.parse(judged.at),
  });
  const code = exitCode(judged);
  const successAt = couldTell({ exit: code }) ? judged.at : last.successAt;
  const textfile = desired ? desired.report.textfile : last.textfile;
  const record = recordOf(judged, code, changes, who, before);
  const trouble = before.trouble ?? append(host, record);
  const dirty = news.worthTelling || !nothingChanged(changes) || before.replayed || textfile !== last.textfile;
  const toldAt = news.worthTelling ? judged.at : last.toldAt;
  const left: LastRun = { format: 1, seq: record.seq, open: markTold(changes, news), toldAt, successAt, textfile };
  return {
    report: trouble ? troubled(judged, trouble) : judged,
    changes,
    news,
    who,
    successAt,
    textfile,
    toRemember: dirty && !trouble ? left : null,
    complaint: trouble?.message ?? null,
  };
}

/** After the news are told: the next run need not tell them again. @returns what went wrong, for standard error */
export async function settle(host: Reporting, { toRemember }: ReportRun): Promise<string | null> {
  if (toRemember === null) return null;
  try {
    await host.writeLastRun(toRemember);
    return null;
  } catch (error) {
    return `this run cannot be recorded, so the next one will report the same again: ${host.explain(error).text}`;
  }
}

/** A journal that cannot be written is a failure of this run, unless it is only that this user may not, or the host is worse off. */
function troubled(judged: Report, { message, forLackOfPrivilege }: NonNullable<Remembered['trouble']>): Report {
  if (forLackOfPrivilege || judged.failure || exitCode(judged) === EXIT.drift) return judged;
  const next = 'make room, or fix the file: without its journal a report cannot tell what changed';
  return { ...judged, failure: { kind: 'failed', message, next } };
}

function whoDid(host: Reporting, changes: Changes, observed: Observed | null): ReportRun['who'] {
  const asked = [...changes.new, ...changes.changed].filter(({ kind }) => kind === 'wrong');
  return asked.length === 0 || observed === null ? new Map() : host.culprits(asked, observed);
}

function append(host: Reporting, record: RunRecord): Remembered['trouble'] {
  try {
    host.appendRecord(record);
    return null;
  } catch (error) {
    const { text, forLackOfPrivilege } = host.explain(error);
    return { message: `the journal cannot be written, so this run is not recorded: ${text}`, forLackOfPrivilege };
  }
}

function recordOf(
  judged: Report,
  exit: number,
  changes: Changes,
  who: ReportRun['who'],
  before: Remembered,
): RunRecord {
  const seq = before.lastSeq + 1;
  const lists = { new: changes.new, changed: changes.changed, gone: changes.gone };
  return {
    v: JOURNAL_VERSION,
    seq,
    changedSeq: nothingChanged(changes) ? before.changedSeq : seq,
    told: before.toldSeq,
    at: judged.at,
    exit,
    ms: Math.round(judged.durationMs),
    open: openAfter(changes).length,
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(who.size > 0 ? { who: Object.fromEntries(who) } : {}),
    ...(judged.overrides.length > 0 ? { overrides: judged.overrides.map(({ kind }) => kind) } : {}),
    ...(judged.failure ? { failure: judged.failure.message } : {}),
  };
}
