import type { Desired } from '../../core/model/desired.ts';
import type { Ledger } from '../../core/model/ledger.ts';
import { overrideOf } from '../../core/model/override.ts';
import {
  decideHeal,
  freshHeal,
  type HealDecision,
  type HealState,
  ignoreRules,
  withoutHealRules,
} from '../../core/plan/heal.ts';
import type { Report } from '../../core/report/report.ts';
import { baseReport, look, unknownHold } from '../look.ts';
import type { Healing } from '../ports/heal.ts';
import type { Changing } from '../ports/host.ts';
import { underLock } from '../under-lock.ts';
import { type ApplyOptions, applyLocked } from './apply.ts';
import { takeBackOverdue } from './recover.ts';
import { waitsForConfirmation } from './unconfirmed.ts';

export type HealOptions = Pick<ApplyOptions, 'lockTimeoutMs' | 'timeoutMs' | 'strict' | 'progress'>;

/**
 * Fixes drift from the configuration last applied, never from a file that somebody just edited. Leaves a held host alone, and
 * an apply that waits to be confirmed. Gives up on what comes back twice, and says so with every run until a person applies.
 */
export function heal(host: Healing, options: HealOptions): Promise<Report> {
  const base = { ...baseReport(host, 'apply', null), strict: options.strict };
  return underLock(host, base, options.lockTimeoutMs, (lockFd) => healLocked(host, options, base, lockFd));
}

async function healLocked(host: Healing, options: HealOptions, begun: Report, lockFd: number): Promise<Report> {
  const held = overrideOf(begun.overrides, 'hold');
  if (held) return idle(begun, 'held', `held by ${held.who} since ${held.since} (${held.reason}): nothing is healed`);
  const unknown = unknownHold(host);
  if (unknown) return { ...begun, ending: 'failed', failure: unknown };
  const overdue = await takeBackOverdue(host, { lockFd, timeoutMs: options.timeoutMs });
  if (overdue.kind === 'failed') return { ...begun, ending: 'failed', failure: overdue.failure };
  const base = { ...begun, notes: [...begun.notes, ...overdue.notes] };
  const waiting = waitsForConfirmation(host);
  if (waiting) return idle(base, 'nothing-to-do', `${waiting.message}: nothing is healed meanwhile`);
  const ledger = host.readLedger();
  const applied = ledger.kind === 'value' ? ledger.value.applied : null;
  if (applied === null)
    return idle(base, 'nothing-to-do', 'nothing was ever applied here, so there is nothing to heal');

  const seen = look(host, applied.desired, false);
  const report = { ...base, desired: applied.desired, judgement: seen.judgement };
  const decision = decideHeal(stateSince(host, applied.at), seen.judgement, base.at);
  const notes = [...base.notes, ...decision.givenUp.map((id) => gaveUpNote(id, decision))];
  // Counted before it is done: a run that is killed in the middle counts too.
  await host.writeHeal(decision.state);
  if (decision.fix.length === 0) return { ...report, notes };
  const ran = await fix(host, applied.desired, decision, options, { ...report, notes }, lockFd);
  const after = host.readLedger();
  const appliedAt = after.kind === 'value' ? after.value.applied?.at : undefined;
  if (appliedAt !== undefined) await host.writeHeal({ ...decision.state, appliedAt });
  return ran.ending === 'applied' ? { ...ran, judgement: look(host, applied.desired, false).judgement } : ran;
}

function fix(
  host: Healing,
  desired: Desired,
  decision: HealDecision,
  options: HealOptions,
  base: Report,
  lockFd: number,
): Promise<Report> {
  const narrowed = { ...desired, ignore: [...desired.ignore, ...ignoreRules(decision.givenUp)] };
  const keeping: Changing = { ...host, writeLedger: (ledger) => host.writeLedger(asApplied(ledger)) };
  const all = { ...options, 'take-from-nic': false, prune: false, boot: false, confirmMs: null };
  return applyLocked(keeping, narrowed, all, base, lockFd);
}

/** What heal gave up on stays in the configuration that counts as applied. */
function asApplied(ledger: Ledger): Ledger {
  if (ledger.applied === null) return ledger;
  const { desired } = ledger.applied;
  const ignore = withoutHealRules(desired.ignore);
  return { ...ledger, applied: { ...ledger.applied, desired: { ...desired, ignore } } };
}

function stateSince(host: Healing, appliedAt: string): HealState {
  const state = host.readHeal();
  return state?.appliedAt === appliedAt ? state : freshHeal(appliedAt);
}

const idle = (base: Report, ending: Report['ending'], note: string): Report => ({
  ...base,
  ending,
  notes: [...base.notes, note],
});

const gaveUpNote = (id: string, { newlyGivenUp, state }: HealDecision): string =>
  `heal ${newlyGivenUp.includes(id) ? 'gives' : 'gave'} up on ${id}: it came back after it had been fixed ${state.fixed[id]?.times ?? 2} times, so another program changes it. \`rsprep report --history\` may name it; \`rsprep apply\` run by hand lets heal try again`;
