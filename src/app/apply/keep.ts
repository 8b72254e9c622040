import { judge } from '../../core/judge.ts';
import type { Ledger, Unconfirmed } from '../../core/model/ledger.ts';
import { value } from '../../core/model/reading.ts';
import type { Step } from '../../core/model/step.ts';
import { afterApply, beforeApply } from '../../core/plan/ledger-update.ts';
import { planApply } from '../../core/plan/plan.ts';
import type { Report } from '../../core/report/report.ts';
import { today } from '../look.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';
import type { ApplyOptions } from './apply.ts';
import { blinding } from './blind.ts';
import { intentOf } from './run.ts';
import { performSteps } from './transaction.ts';
import { tryToWrite } from './try-to-write.ts';

/** What `confirm` can do for the apply that waits: the ledger has both, as one. */
export interface Waiting {
  readonly ledger: Ledger;
  readonly unconfirmed: Unconfirmed;
}

/**
 * Confirms an apply: what has to survive a reboot is written first, and one write of the ledger then both confirms it and ends the
 * waiting. Until that write the ledger says how all of it is taken back, what is persisted here included: a run that is stopped
 * anywhere leaves it either confirmed, or waiting and later taken back. What drifted meanwhile is not fixed here.
 * @returns why it is not confirmed; null where it is
 */
export async function keep(
  host: Changing,
  { ledger, unconfirmed }: Waiting,
  options: ApplyOptions,
  base: Report,
  lockFd: number,
): Promise<Report | null> {
  const { desired } = unconfirmed;
  // Judged as what it is about to be: what waits need not survive a reboot.
  const asConfirmed = value({ ...ledger, unconfirmed: null });
  const context = { desired, observed: host.observe(desired, true), ledger: asConfirmed };
  const judgement = judge(context, today(host));
  const report = { ...base, judgement };
  const failed = (failure: Failure, more: Partial<Report> = {}): Report => ({
    ...report,
    ...more,
    ending: 'failed',
    failure,
  });
  const blind = blinding(context, judgement, 'nothing is confirmed');
  if (blind) return failed(blind);
  const { sysctlFile } = context.observed;
  if (desired.persist && sysctlFile.kind === 'unreadable')
    return failed(stop(sysctlFile, 'cannot tell what survives a reboot, so nothing is confirmed', AGAIN));
  const plan = planApply(context, judgement, options);
  if (plan.kind === 'refused') return { ...report, ending: 'refused', refusals: plan.because };
  const steps = plan.kind === 'steps' ? plan.steps.filter(({ phase }) => phase === 'persist') : [];

  const claimed = beforeApply(context, steps, intentOf(base, steps), ledger.machineId);
  const during = { ...claimed, unconfirmed: takenBackToo(unconfirmed, steps) };
  const unwritten = steps.length === 0 ? null : await tryToWrite(() => host.writeLedger(during), LEDGER_UNWRITTEN);
  if (unwritten) return failed(unwritten);
  const performed = await performSteps(
    host,
    steps,
    context,
    { lockFd, timeoutMs: options.timeoutMs },
    options.progress,
  );
  const unpersisted = performed.reports.find(({ status }) => status !== 'done');
  if (unpersisted) {
    const message = unpersisted.detail ?? performed.because ?? 'what has to survive a reboot was not written';
    return failed({ kind: 'failed', message, next: AGAIN }, { steps: performed.reports });
  }
  const actions = performed.done.map(({ action }) => action);
  const after = { ...afterApply(during, actions, desired, host.now().toISOString()), unconfirmed: null };
  const late = await tryToWrite(() => host.writeLedger(after), LEDGER_UNWRITTEN);
  return late && failed(late, { steps: performed.reports });
}

const LEDGER_UNWRITTEN = 'cannot write the ledger';
const AGAIN = 'fix the cause, then run `rsprep confirm` again';

/** Once each: a confirm that failed may be tried again. */
function takenBackToo(unconfirmed: Unconfirmed, steps: readonly Step[]): Unconfirmed {
  const known = new Set(unconfirmed.undo.flat().map((action) => JSON.stringify(action)));
  const more = steps.flatMap(({ undo }) => (undo === null || known.has(JSON.stringify(undo)) ? [] : [undo]));
  return more.length === 0 ? unconfirmed : { ...unconfirmed, undo: [...unconfirmed.undo, more] };
}
