import type { Desired } from '../../core/model/desired.ts';
import type { Ledger } from '../../core/model/ledger.ts';
import { type Answer, need, orNull } from '../../core/model/needed.ts';
import { overrideOf } from '../../core/model/override.ts';
import { type Unreadable, unreadable } from '../../core/model/reading.ts';
import {
  decideHeal,
  freshHeal,
  type HealDecision,
  type HealState,
  ignoreRules,
  withoutHealRules,
} from '../../core/plan/heal.ts';
import { ownMarks } from '../../core/plan/remove.ts';
import type { Report } from '../../core/report/report.ts';
import { baseReport, look, unknownHold } from '../look.ts';
import type { Healing } from '../ports/heal.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';
import { underLock } from '../under-lock.ts';
import { type ApplyOptions, applyLocked } from './apply.ts';
import { takeBackOverdue } from './recover.ts';
import { tryToWrite } from './try-to-write.ts';
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
  const found = host.readLedger();
  if (found.kind === 'unreadable') return { ...begun, ending: 'failed', failure: unknownLedger(found) };
  const overdue = await takeBackOverdue(host, { lockFd, timeoutMs: options.timeoutMs });
  if (overdue.kind === 'failed') return { ...begun, ending: 'failed', failure: overdue.failure };
  const base = { ...begun, notes: [...begun.notes, ...overdue.notes] };
  const ledger = orNull(host.readLedger());
  if (ledger.kind === 'unreadable') return { ...base, ending: 'failed', failure: unknownLedger(ledger) };
  const waiting = waitsForConfirmation(ledger.value);
  const tried = ledger.value?.unconfirmed?.desired;
  if (waiting && tried) return leakWhileWaiting(host, base, tried, `${waiting.message}: nothing is healed meanwhile`);
  const applied = ledger.value?.applied ?? null;
  if (applied === null) return nothingApplied(host, base, ledger.value);

  const seen = look(host, applied.desired, false);
  const report = { ...base, desired: applied.desired, judgement: seen.judgement };
  const remembered = orNull(host.readHeal());
  const decision = decideHeal(stateSince(remembered, applied.at), seen.judgement, base.at);
  const forgot =
    remembered.kind === 'unreadable'
      ? stop(remembered, 'what heal fixed before cannot be read, so it counts anew', 'delete that file')
      : null;
  const notes = [...base.notes, ...decision.givenUp.map((id) => gaveUpNote(id, decision))];
  // Counted before it is done: a run that is killed in the middle counts too. What cannot be counted is fixed all the same.
  const uncounted = await tryToWrite(() => host.writeHeal(decision.state), UNCOUNTED);
  const failure = forgot ?? uncounted;
  if (decision.fix.length === 0) return { ...report, notes, failure };
  const ran = await fix(host, applied.desired, decision, options, { ...report, notes }, lockFd);
  const after = host.readLedger();
  const appliedAt = after.kind === 'value' ? (after.value.applied?.at ?? applied.at) : applied.at;
  const late = await tryToWrite(() => host.writeHeal({ ...decision.state, appliedAt }), UNCOUNTED);
  const said = { ...ran, failure: ran.failure ?? failure ?? late };
  return ran.ending === 'applied' ? { ...said, judgement: look(host, applied.desired, false).judgement } : said;
}

const UNCOUNTED = 'heal cannot write down what it fixed';

const unknownLedger = (ledger: Unreadable): Failure =>
  stop(
    ledger,
    'cannot tell what was applied here, so nothing is healed',
    'look at `rsprep verify`; `rsprep apply`, run by hand, makes a new ledger from what the kernel holds',
  );

/** Nothing to go by is fine on a host that holds nothing of rsprep's; elsewhere the ledger was lost. */
function nothingApplied(host: Healing, base: Report, ledger: Ledger | null): Report {
  const { links, sysctlFile, ...others } = host.observe(null, false);
  const seen = need({ links, sysctlFile: orNull(sysctlFile) });
  const what = 'cannot tell whether something was applied here';
  if (seen.kind === 'unreadable')
    return { ...base, ending: 'failed', failure: stop(seen, what, 'look at `rsprep verify`') };
  const marks = ledger === null ? ownMarks({ ...others, links, sysctlFile }) : [];
  if (marks.length === 0)
    return idle(base, 'nothing-to-do', 'nothing was ever applied here, so there is nothing to heal');
  const message = `there is no ledger, but this host holds what rsprep made: ${marks.slice(0, 5).join('; ')}`;
  return { ...base, ending: 'failed', failure: { ...unknownLedger(unreadable('io', '')), message } };
}

/** It is not for heal to fix what is on trial; but a leak is never passed over as fine. */
function leakWhileWaiting(host: Healing, base: Report, tried: Desired, note: string): Report {
  const { judgement } = look(host, tried, false);
  const findings = judgement.findings.filter(
    (finding) => finding.severity === 'critical' && (finding.kind === 'unknown' || finding.cause === 'drift'),
  );
  return { ...idle(base, 'nothing-to-do', note), desired: tried, judgement: { ...judgement, findings } };
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

const stateSince = (before: Answer<HealState | null>, appliedAt: string): HealState =>
  before.kind === 'value' && before.value?.appliedAt === appliedAt ? before.value : freshHeal(appliedAt);

const idle = (base: Report, ending: Report['ending'], note: string): Report => ({
  ...base,
  ending,
  notes: [...base.notes, note],
});

const gaveUpNote = (id: string, { newlyGivenUp, state }: HealDecision): string =>
  `heal ${newlyGivenUp.includes(id) ? 'gives' : 'gave'} up on ${id}: it came back after it had been fixed ${state.fixed[id]?.times ?? 2} times, so another program changes it. \`rsprep report --history\` may name it; \`rsprep apply\` run by hand lets heal try again`;
