import { UNCONFIRMED } from '../../core/checks/ledger.ts';
import { persistSysctl } from '../../core/checks/persistence.ts';
import type { Judgement } from '../../core/judge.ts';
import { describeAction, isLedgerOnly } from '../../core/model/action.ts';
import type { BootMoment } from '../../core/model/boot-clock.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Intent, Ledger, Unconfirmed } from '../../core/model/ledger.ts';
import { need, orNull } from '../../core/model/needed.ts';
import { value } from '../../core/model/reading.ts';
import type { Step } from '../../core/model/step.ts';
import { afterApply, afterRollback, beforeApply } from '../../core/plan/ledger-update.ts';
import { planRollback } from '../../core/plan/rollback.ts';
import type { Report, StepReport } from '../../core/report/report.ts';
import { type Look, look } from '../look.ts';
import type { Changing } from '../ports/host.ts';
import { stop } from '../stop.ts';
import { type Performed, type Progress, performSteps, performUndo } from './transaction.ts';
import { tryToWrite } from './try-to-write.ts';
import { closeWithoutWriting } from './without-writing.ts';

export interface RunOptions {
  readonly confirmMs: number | null;
  readonly lockFd: number;
  readonly timeoutMs: number;
  readonly progress: Progress;
}

/** Whether a step changes the running kernel: what --confirm is about. */
export const changesLive = ({ phase }: Step): boolean => phase !== 'persist' && phase !== 'ledger';

/** Writes down what is going to be done, does it, and takes it back if it fails. */
export async function runSteps(
  host: Changing,
  desired: Desired,
  options: RunOptions,
  base: Report,
  before: Look,
  planned: readonly Step[],
): Promise<Report> {
  const ids = need({
    machine: orNull(host.machineId()),
    clock: options.confirmMs === null ? value(null) : host.bootClock(),
  });
  if (ids.kind !== 'value') {
    const failure = stop(ids, 'cannot tell which host this is, so nothing was changed', 'make that file readable');
    return { ...base, judgement: before.judgement, ending: 'failed', failure };
  }
  const { machine, clock } = ids.value;
  const unconfirmed =
    options.confirmMs === null || clock === null
      ? null
      : prepareConfirmation(host, desired, before, planned, options.confirmMs, clock);
  const steps = unconfirmed === null ? planned : planned.filter(({ phase }) => phase !== 'persist');
  const old = oldLedger(before);
  const during = { ...beforeApply(before.context, steps, intentOf(base, steps), machine), unconfirmed };
  const unwritten = await tryToWrite(() => host.writeLedger(during), 'cannot write the ledger');
  if (unwritten) return closeWithoutWriting(host, base, before, planned, options, unwritten);
  const unarmed = await arm(host, during, old);
  if (unarmed) return { ...base, judgement: before.judgement, ending: 'failed', failure: unarmed };

  const performed = await performSteps(host, steps, before.context, options, options.progress);
  if (performed.outcome !== 'done') return rollBack(host, base, before, performed, { old, during, options });

  const actions = performed.done.map(({ action }) => action);
  const after = afterApply(during, actions, desired, host.now().toISOString());
  const ledger = unconfirmed === null ? after : { ...after, applied: old?.applied ?? null };
  const late = await tryToWrite(() => host.writeLedger(ledger), 'cannot write the ledger');
  const { judgement } = look(host, desired, false, before.early);
  return {
    ...base,
    judgement: unconfirmed === null ? judgement : withoutPersistence(judgement),
    ending: 'applied',
    notes: [
      ...base.notes,
      ...failures(performed),
      ...(unconfirmed
        ? [
            `unconfirmed: taken back at ${unconfirmed.until} unless you run \`rsprep confirm\`; until then nothing survives a reboot`,
          ]
        : []),
    ],
    steps: performed.reports.filter(({ action }) => !isLedgerOnly(action) || action.kind === 'adopt-address'),
    failure: late && {
      ...late,
      message: `everything was applied, but ${late.message}: the next run will report that this one did not finish`,
    },
  };
}

export const oldLedger = ({ context }: Look): Ledger | null =>
  context.ledger.kind === 'value' ? context.ledger.value : null;

export const intentOf = (base: Report, steps: readonly Step[]): Intent => ({
  command: 'apply',
  startedAt: base.at,
  pid: process.pid,
  steps: steps.map(({ action }) => describeAction(action)),
});

const failures = (performed: Performed): readonly string[] =>
  performed.reports.flatMap(({ detail, status }) => (status === 'failed' && detail ? [detail] : []));

/** Everything planned counts as done: each undo is idempotent, and a run that is killed half-way is taken back the same way. */
function prepareConfirmation(
  host: Changing,
  desired: Desired,
  before: Look,
  planned: readonly Step[],
  confirmMs: number,
  { bootId, ms }: BootMoment,
): Unconfirmed {
  const { actions } = planRollback(before.context, planned.filter(changesLive));
  const isDelete = ({ kind }: { kind: string }): boolean => kind === 'delete-address';
  const at = host.now();
  return {
    until: new Date(at.getTime() + confirmMs).toISOString(),
    bootId,
    span: { fromMs: ms, untilMs: ms + confirmMs },
    token: `${process.pid}-${ms.toString(36)}`,
    undo: [actions.filter(isDelete), actions.filter((action) => !isDelete(action))],
    desired,
    previous: oldLedger(before),
  };
}

/** Before the first change: a watchdog that cannot be armed means that nothing is changed. */
async function arm(host: Changing, during: Ledger, old: Ledger | null): ReturnType<typeof tryToWrite> {
  if (!during.unconfirmed?.span) return null;
  const failure = await host.armWatchdog(during.unconfirmed.span, during.unconfirmed.token);
  if (failure === null) return null;
  const left = await tryToWrite(
    () => (old === null ? host.deleteLedger() : host.writeLedger(old)),
    'the ledger, which says that an apply waits for its confirmation, cannot be written back',
  );
  return left ? { ...failure, message: `${failure.message}; ${left.message}` } : failure;
}

/** Not persisting, and waiting, is what --confirm asked for; it is said in a note, not as a finding. */
function withoutPersistence(judgement: Judgement): Judgement {
  return {
    ...judgement,
    findings: judgement.findings.filter(({ check, id }) => check !== persistSysctl.id && id !== UNCONFIRMED),
  };
}

interface RollbackInput {
  readonly old: Ledger | null;
  readonly during: Ledger;
  readonly options: RunOptions;
}

async function rollBack(
  host: Changing,
  base: Report,
  before: Look,
  performed: Performed,
  input: RollbackInput,
): Promise<Report> {
  const { actions, kept } = planRollback(before.context, performed.done);
  const deletes = actions.filter(({ kind }) => kind === 'delete-address');
  const others = actions.filter(({ kind }) => kind !== 'delete-address');
  const results = await performUndo(host, [deletes, others], before.context, input.options);
  const undone = results.filter(({ status }) => status === 'done').map(({ action }) => action);
  const broken = results.find(({ status }) => status !== 'done');
  const after = { ...afterRollback(input.old, input.during, undone), unconfirmed: null };
  const ledger = broken ? { ...after, intent: input.during.intent } : after;
  const late = await tryToWrite(() => host.writeLedger(ledger), 'cannot write the ledger');
  // Where the ledger still has it, the watchdog tidies up.
  if (input.during.unconfirmed && !broken && !late) await host.disarmWatchdog(input.during.unconfirmed.token);
  const keptSteps = new Map(kept.map(({ step, because }) => [step, because]));
  const { judgement } = look(host, before.context.desired, false, before.early);
  const keeps = kept.length === 1 ? 'one step that keeps' : `${kept.length} steps that keep`;
  const but = kept.length > 0 ? `, except for ${keeps} the VIP from leaking` : '';
  return {
    ...base,
    notes: [...base.notes, ...(late ? [late.message] : [])],
    judgement,
    steps: performed.reports.map((report) => describeUndone(report, performed, keptSteps, broken === undefined)),
    ending: broken ? 'rollback-failed' : performed.outcome === 'interrupted' ? 'interrupted' : 'rolled-back',
    failure: {
      kind: 'failed',
      message: broken
        ? `${performed.because}; taking back what was done failed too: ${broken.detail ?? describeAction(broken.action)}`
        : `${performed.because}; everything this run had done was taken back${but}`,
      next: broken
        ? 'see `rsprep verify`; then run `rsprep apply` to go on, or `rsprep remove` to undo everything'
        : 'fix the cause, then run rsprep apply again',
    },
  };
}

function describeUndone(
  report: StepReport,
  performed: Performed,
  kept: ReadonlyMap<Step, string>,
  whole: boolean,
): StepReport {
  const step = performed.done.find(({ action }) => action === report.action);
  const because = step ? kept.get(step) : undefined;
  // Of a step that failed after its write: it may be in force.
  if (report.status === 'failed' && because !== undefined)
    return { ...report, detail: `${report.detail ?? 'it failed'}; kept, if it is in force: ${because}` };
  if (report.status !== 'done') return report;
  if (because !== undefined) return { ...report, status: 'kept', detail: because };
  return whole ? { ...report, status: 'undone' } : report;
}
