import { judge } from '../../core/judge.ts';
import { type Action, describeAction } from '../../core/model/action.ts';
import type { CheckContext } from '../../core/model/check.ts';
import type { Desired } from '../../core/model/desired.ts';
import { emptyDesired } from '../../core/model/desired.ts';
import type { Ledger } from '../../core/model/ledger.ts';
import { withOverride } from '../../core/model/override.ts';
import { dragged } from '../../core/plan/drag.ts';
import { undoOf } from '../../core/plan/plan.ts';
import { planRemove, type RemovePlan, rollbackOfRemove } from '../../core/plan/remove.ts';
import type { Report, StepReport } from '../../core/report/report.ts';
import { prepareLedger } from '../apply/recover.ts';
import { mayBeDone, performUndo } from '../apply/transaction.ts';
import { tryToWrite } from '../apply/try-to-write.ts';
import { baseReport, today } from '../look.ts';
import { overridesFailure } from '../overrides.ts';
import type { ActionResult, Changing, Failure } from '../ports/host.ts';
import { ledgerFailure, stop, unchanged } from '../stop.ts';
import { underLock } from '../under-lock.ts';
import { answeredByProxy, contextNow, lostLedger, unobservable, unseenProxy, withoutLedger } from './look.ts';

export interface RemoveOptions {
  /** Cut established connections to the VIP. */
  readonly force: boolean;
  /** How long to stay drained before the VIP goes, in milliseconds. */
  readonly drainWaitMs: number;
  readonly lockTimeoutMs: number;
  readonly timeoutMs: number;
  readonly reason: string;
}

/**
 * Takes back everything rsprep did here, from its ledger alone. VIPs first; the ARP settings only once the kernel shows none.
 * @param desired the configuration if it can be read; null does not keep a host from being taken out of service.
 */
export function remove(host: Changing, desired: Desired | null, options: RemoveOptions): Promise<Report> {
  const base = baseReport(host, 'remove', desired);
  return underLock(host, base, options.lockTimeoutMs, (lockFd) =>
    removeLocked(host, desired ?? emptyDesired, options, base, lockFd),
  );
}

async function removeLocked(
  host: Changing,
  desired: Desired,
  options: RemoveOptions,
  base: Report,
  lockFd: number,
): Promise<Report> {
  const found = host.readLedger();
  const overrides = host.readOverrides();
  const unheld = overrides.kind === 'unreadable' ? overridesFailure(overrides) : null;
  if (unheld) return { ...base, ending: 'failed', failure: unheld };
  const prepared = await prepareLedger(host, { lockFd, timeoutMs: options.timeoutMs });
  if (prepared.kind === 'failed') return { ...base, ending: 'failed', failure: prepared.failure };
  const notes = [...base.notes, ...prepared.notes];
  const fail = (failure: Failure, ending: Report['ending'] = 'failed'): Report => ({ ...base, notes, ending, failure });

  const ledgerReading = host.readLedger();
  if (ledgerReading.kind === 'unreadable')
    return fail(stop(ledgerReading, 'cannot read the ledger, so nothing was changed', lostLedger.next));
  if (ledgerReading.kind === 'absent') {
    if (found.kind === 'unreadable') return fail(lostLedger);
    const without = withoutLedger(contextNow(host, desired, ledgerReading));
    return 'failure' in without
      ? fail(without.failure)
      : { ...base, notes: [...notes, ...without.notes], ending: 'nothing-to-do' };
  }
  const ledger = ledgerReading.value;
  const context = contextNow(host, desired, ledgerReading);
  const plan = planRemove(context);
  const blind = unobservable(context) ?? (options.force ? null : unseenProxy(context, plan));
  if (blind) return fail(blind);
  const refusals = [...dragged(context, plan.addresses), ...(options.force ? [] : answeredByProxy(context, plan))];
  if (refusals.length > 0) return { ...base, notes, ending: 'refused', refusals };
  const needs = { etc: plan.files.length > 0, ledger: true, addresses: ledger.addresses.length };
  const unfit = host.preflightHost(needs);
  if (unfit) return fail(unchanged(unfit));
  const vips = [...new Set(plan.addresses.flatMap((action) => (action.kind === 'delete-address' ? [action.ip] : [])))];
  const drained = await drain(host, base, vips, options);
  if (drained) return fail(drained);

  const actions = [...plan.addresses, ...plan.sysctls, ...plan.files];
  const intent = {
    command: 'remove',
    startedAt: base.at,
    pid: process.pid,
    steps: actions.map(describeAction),
  } as const;
  const began = await tryToWrite(() => host.writeLedger({ ...ledger, intent }), 'cannot write the ledger');
  if (began) return fail(began);
  const results = await performUndo(host, [plan.addresses, plan.sysctls, plan.files], context, {
    lockFd,
    timeoutMs: options.timeoutMs,
  });
  const failed = results.find(({ status }) => status !== 'done');
  if (failed)
    return rollBack(
      host,
      { ...base, notes },
      { context, ledger, results, lockFd, options, because: failed.detail ?? describeAction(failed.action) },
    );
  return end(host, { ...base, notes }, ledger, plan, results, options);
}

/** Withdraw first: the responder goes silent, the director stops sending, and only then the VIP goes. */
async function drain(
  host: Changing,
  base: Report,
  vips: readonly string[],
  options: RemoveOptions,
): Promise<Failure | null> {
  if (vips.length > 0 && options.drainWaitMs > 0) {
    const next = { kind: 'drain', reason: options.reason, who: host.who(), since: base.at, until: null } as const;
    const failure = await tryToWrite(
      () => host.writeOverrides(withOverride(base.overrides, next)),
      'cannot write the drain',
    );
    if (failure) return failure;
    for (let waited = 0; waited < options.drainWaitMs && !host.interrupted(); waited += 100) await host.sleep(100);
    if (host.interrupted()) {
      return {
        kind: 'failed',
        message: 'a signal came while this host was draining: it stays drained, and the VIPs stay',
        next: '`rsprep resume` ends the drain; `rsprep remove` continues',
      };
    }
  }
  if (options.force || vips.length === 0) return null;
  const established = host.establishedTo(vips);
  if (established.kind === 'unreadable') {
    return {
      kind: 'failed',
      message: `cannot tell whether connections to the VIP are established: ${established.reason}`,
      next: 'use --force to remove it anyway',
    };
  }
  if (established.kind === 'absent' || established.value.length === 0) return null;
  const byVip = [...new Set(established.value)].slice(0, 5).join(', ');
  return {
    kind: 'failed',
    message: `${established.value.length} connections to the VIP are established (${byVip}): removing it would cut them`,
    next: 'take this host out of rotation, wait for them to end (--drain-wait 60s), or cut them with --force',
  };
}

async function end(
  host: Changing,
  base: Report,
  ledger: Ledger,
  plan: RemovePlan,
  results: readonly ActionResult[],
  options: RemoveOptions,
): Promise<Report> {
  const hold = { kind: 'hold', reason: options.reason, who: host.who(), since: base.at, until: null } as const;
  const overrides = withOverride(
    base.overrides.filter(({ kind }) => kind !== 'drain'),
    hold,
  );
  const whole = plan.stays.length === 0 || plan.sysctls.length > 0 || ledger.sysctls.length === 0;
  if (ledger.unconfirmed) await host.disarmWatchdog(ledger.unconfirmed.token);
  // The hold first: without it, and with the ledger still there, heal would put the VIPs back.
  const unheld = await tryToWrite(() => host.writeOverrides(overrides), 'the hold cannot be written');
  const left = { ...ledger, addresses: [], intent: null, unconfirmed: null };
  const unwritten = await tryToWrite(
    async () => (whole ? host.deleteLedger() : host.writeLedger(left)),
    'the ledger cannot be brought up to date',
  );
  const late = [unheld, unwritten].filter((failure) => failure !== null);
  return {
    ...base,
    ending: 'removed',
    overrides: unheld ? base.overrides : overrides,
    steps: results.map(toStep),
    notes: [
      ...base.notes,
      ...plan.stays,
      ...plan.remarks,
      ...(unheld ? [] : ['held: neither boot nor heal puts the VIPs back; `rsprep apply` run by hand does']),
    ],
    failure: late[0]
      ? {
          ...late[0],
          message: `everything was removed, but ${late.map(({ message }) => message).join(', and ')}`,
          next: `${late[0].next}; then run rsprep remove again${unheld ? ', and rsprep hold: until then boot or heal may put the VIPs back' : ''}`,
        }
      : null,
  };
}

interface Broken {
  readonly context: CheckContext;
  readonly ledger: Ledger;
  readonly results: readonly ActionResult[];
  readonly lockFd: number;
  readonly options: RemoveOptions;
  readonly because: string;
}

/** A remove that failed is taken back in the order of an apply: sysctls, then addresses, then files. */
async function rollBack(host: Changing, base: Report, broken: Broken): Promise<Report> {
  const { context, results, options, lockFd } = broken;
  const done = results.filter(mayBeDone).map(({ action }) => action);
  const undo = rollbackOfRemove(done.map((action) => undoOf(context, action)));
  const undone = await performUndo(host, undo, context, { lockFd, timeoutMs: options.timeoutMs });
  const failed = undone.find(({ status }) => status !== 'done');
  const late = await tryToWrite(
    () => host.writeLedger(failed ? { ...broken.ledger, intent: null } : broken.ledger),
    'cannot write the ledger',
  );
  const after = contextNow(host, context.desired, host.readLedger());
  return {
    ...base,
    judgement: judge(after, today(host)),
    steps: results.map((result) =>
      result.status === 'done' && !failed ? { ...toStep(result), status: 'undone' } : toStep(result),
    ),
    notes: [...base.notes, ...(late ? [late.message] : [])],
    ending: failed ? 'rollback-failed' : 'rolled-back',
    failure: {
      kind: 'failed',
      message: failed
        ? `${broken.because}; putting back what was there failed too: ${failed.detail ?? describeAction(failed.action)}`
        : `${broken.because}; everything that this run had removed was put back`,
      next: failed
        ? 'see `rsprep verify`; then run `rsprep remove` to go on, or `rsprep apply` to put everything back'
        : 'fix the cause, then run rsprep remove again',
    },
  };
}

const toStep = ({ action, status, detail }: ActionResult): StepReport => ({ action, status, detail, cause: 'remove' });

/** What remove would do, in words; for --dry-run. */
export function planOfRemove(host: Changing, desired: Desired | null): Report {
  const base = baseReport(host, 'remove', desired);
  const context = contextNow(host, desired ?? emptyDesired, host.readLedger());
  if (context.ledger.kind === 'unreadable') {
    const lost = { ...lostLedger, message: `cannot read the ledger: ${context.ledger.reason}` };
    return { ...base, ending: 'failed', failure: ledgerFailure(context.ledger) ?? lost };
  }
  const blind = unobservable(context);
  if (blind) return { ...base, ending: 'failed', failure: blind };
  if (context.ledger.kind === 'absent') {
    const without = withoutLedger(context);
    return 'failure' in without
      ? { ...base, ending: 'failed', failure: without.failure }
      : { ...base, ending: 'planned', notes: [...base.notes, ...without.notes] };
  }
  const plan = planRemove(context);
  const actions: readonly Action[] = [...plan.addresses, ...plan.sysctls, ...plan.files];
  const steps = actions.map((action): StepReport => ({ action, status: 'planned', cause: 'remove', detail: null }));
  return { ...base, ending: 'planned', steps, notes: [...base.notes, ...plan.stays, ...plan.remarks] };
}
