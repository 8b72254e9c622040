import type { Desired } from '../../core/model/desired.ts';
import { orNull } from '../../core/model/needed.ts';
import { overrideOf } from '../../core/model/override.ts';
import type { Unreadable } from '../../core/model/reading.ts';
import { type PlanOptions, planApply } from '../../core/plan/plan.ts';
import type { Report } from '../../core/report/report.ts';
import { baseReport, type Look, look, unknownHold } from '../look.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';
import { underLock } from '../under-lock.ts';
import { blinding } from './blind.ts';
import { desiredAtBoot, unknownTrial } from './boot.ts';
import { prepareLedger } from './recover.ts';
import { changesLive, oldLedger, runSteps } from './run.ts';
import type { Progress } from './transaction.ts';
import { tryToWrite } from './try-to-write.ts';
import { waitsForConfirmation } from './unconfirmed.ts';
import { closeWithoutWriting } from './without-writing.ts';

export interface ApplyOptions extends PlanOptions {
  /** Run by the boot unit: a held host is left alone, and nothing that cannot be known so early is asked. */
  readonly boot: boolean;
  /** Taken back after that long, in milliseconds, unless confirmed; null keeps it at once. */
  readonly confirmMs: number | null;
  readonly lockTimeoutMs: number;
  readonly timeoutMs: number;
  readonly strict: boolean;
  readonly progress: Progress;
}

/** observe → judge → plan → perform → observe → judge, under the lock. */
export function apply(host: Changing, desired: Desired, options: ApplyOptions): Promise<Report> {
  const base = { ...baseReport(host, 'apply', desired), strict: options.strict };
  return underLock(host, base, options.lockTimeoutMs, (lockFd) => applyLocked(host, desired, options, base, lockFd));
}

/** The same, for a caller that holds the lock. */
export async function applyLocked(
  host: Changing,
  asked: Desired,
  options: ApplyOptions,
  base: Report,
  lockFd: number,
): Promise<Report> {
  const held = overrideOf(base.overrides, 'hold');
  if (held && options.boot) {
    const note = `held by ${held.who} since ${held.since} (${held.reason}): nothing was done. \`rsprep resume\`, or \`rsprep apply\` run by hand, ends the hold`;
    // Not judged: hands off also means that the boot unit does not fail for what a person did on purpose.
    return { ...base, ending: 'held', notes: [...base.notes, note] };
  }
  const unknown = options.boot ? (unknownHold(host) ?? unknownTrial(host)) : null;
  if (unknown) return { ...base, ending: 'failed', failure: unknown };
  const prepared = await prepareLedger(host, { lockFd, timeoutMs: options.timeoutMs });
  if (prepared.kind === 'failed') return { ...base, ending: 'failed', failure: prepared.failure };
  const ledger = orNull(host.readLedger());
  if (ledger.kind === 'unreadable') return { ...base, ending: 'failed', failure: ledgerGone(ledger) };
  const waiting = waitsForConfirmation(ledger.value);
  if (waiting) return { ...base, ending: 'failed', failure: waiting };
  const boot = options.boot ? desiredAtBoot(ledger.value, asked) : { desired: asked, notes: [] };
  const notes = [...base.notes, ...prepared.notes, ...boot.notes];
  if (boot.desired === null) return { ...base, notes, ending: 'held' };
  return converge(host, boot.desired, options, { ...base, desired: boot.desired, notes }, lockFd);
}

async function converge(
  host: Changing,
  desired: Desired,
  options: ApplyOptions,
  base: Report,
  lockFd: number,
): Promise<Report> {
  const before = look(host, desired, true, options.boot);
  const report = { ...base, judgement: before.judgement };
  const { ledger } = before.context;
  const blind = ledger.kind === 'unreadable' ? ledgerGone(ledger) : blinding(before.context, before.judgement);
  if (blind) return { ...report, ending: 'failed', failure: blind };

  const plan = planApply(before.context, before.judgement, options);
  if (plan.kind === 'refused') return { ...report, ending: 'refused', refusals: plan.because };
  if (plan.kind === 'nothing-to-do') {
    const idle = options.confirmMs === null ? [] : ['there was nothing to do, so there is nothing to confirm'];
    const left = waitsForOption(before, options);
    return lifted(host, { ...report, notes: [...report.notes, ...left, ...idle], ending: 'nothing-to-do' });
  }
  const addresses = desired.vips.length + (oldLedger(before)?.addresses.length ?? 0);
  // At boot the host is prepared all the same: what the next boot would lack is said.
  const etc = desired.persist && !options.boot && !leaksNow(before);
  const unfit = host.preflightHost({ etc, ledger: true, addresses });
  if (unfit) return closeWithoutWriting(host, report, before, plan.steps, { ...options, lockFd }, unfit);
  const confirmMs = plan.steps.some(changesLive) ? options.confirmMs : null;
  const ran = await runSteps(host, desired, { ...options, confirmMs, lockFd }, base, before, plan.steps);
  if (ran.ending !== 'applied') return ran;
  if (confirmMs !== null)
    return { ...ran, notes: [...ran.notes, ...staysHeld(ran), ...waitsForOption(before, options)] };
  return lifted(host, { ...ran, notes: [...ran.notes, ...waitsForOption(before, options)] });
}

/** It could be read a moment ago, or is new: a run that goes on without it would forget what it has. */
const ledgerGone = (ledger: Unreadable): Failure =>
  stop(ledger, 'cannot read the ledger, so nothing was changed', 'run rsprep apply again');

/** What apply would fix if it were told to. */
const waitsForOption = ({ judgement }: Look, options: PlanOptions): readonly string[] =>
  judgement.findings.flatMap((finding) =>
    finding.kind === 'wrong' && finding.needs !== null && !options[finding.needs]
      ? [`${finding.id} is left as it is: fixing it needs --${finding.needs}`]
      : [],
  );

/** A host that leaks right now is fixed even where its files cannot be written. */
const leaksNow = ({ judgement }: Look): boolean =>
  judgement.findings.some((f) => f.kind === 'wrong' && f.severity === 'critical' && f.cause === 'drift');

/** What is taken back leaves the host as it was, and so the hold too. */
const staysHeld = ({ overrides }: Report): readonly string[] =>
  overrideOf(overrides, 'hold') ? ['this host stays held until `rsprep confirm`, which ends the hold'] : [];

/** An apply by a person ends a hold; it says so. */
async function lifted(host: Changing, report: Report): Promise<Report> {
  const held = overrideOf(report.overrides, 'hold');
  if (!held) return report;
  const overrides = report.overrides.filter(({ kind }) => kind !== 'hold');
  const unwritten = await tryToWrite(() => host.writeOverrides(overrides), 'the hold cannot be lifted');
  if (unwritten) return { ...report, failure: report.failure ?? unwritten };
  const note = `the hold of ${held.who} since ${held.since} (${held.reason}) is lifted`;
  return { ...report, overrides, notes: [...report.notes, note] };
}
