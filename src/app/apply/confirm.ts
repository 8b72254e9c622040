import type { Unconfirmed } from '../../core/model/ledger.ts';
import { orNull } from '../../core/model/needed.ts';
import type { Unreadable } from '../../core/model/reading.ts';
import type { Report } from '../../core/report/report.ts';
import { baseReport } from '../look.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';
import { underLock } from '../under-lock.ts';
import { type ApplyOptions, applyLocked } from './apply.ts';
import { keep } from './keep.ts';
import { standingOf, takeBack } from './unconfirmed.ts';

/** Keeps what an `apply --confirm` did: persists it and records it as applied. */
export function confirm(host: Changing, options: ApplyOptions): Promise<Report> {
  const base = { ...baseReport(host, 'confirm', null), strict: options.strict };
  return underLock(host, base, options.lockTimeoutMs, async (lockFd) => {
    const reading = orNull(host.readLedger());
    if (reading.kind !== 'value') return failed(base, cannotTell(reading));
    const ledger = reading.value;
    const unconfirmed = ledger?.unconfirmed;
    if (!ledger || !unconfirmed) return failed(base, nothingWaits(ledger?.rejected !== undefined));
    const standing = standingOf(host, unconfirmed);
    if (standing.kind !== 'value') return notConfirmed(host, unconfirmed, failed(base, timeUnknown(standing)));
    if (standing.value !== 'waits') {
      const back = await takeBack(host, unconfirmed, { lockFd, timeoutMs: options.timeoutMs });
      return failed(base, back.kind === 'failed' ? back.failure : tooLate(unconfirmed.until));
    }
    const { desired } = unconfirmed;
    const asked = { ...base, desired };
    const not = await keep(host, { ledger, unconfirmed }, options, asked, lockFd);
    if (not !== null) return notConfirmed(host, unconfirmed, not);
    await host.disarmWatchdog(unconfirmed.token);
    // What drifted since is fixed as by any apply: from here on nothing of it can undo the confirmation.
    const report = await applyLocked(host, desired, { ...options, confirmMs: null }, asked, lockFd);
    return { ...report, notes: [...report.notes, 'confirmed: the changes stay, and survive a reboot'] };
  });
}

const failed = (base: Report, failure: Failure): Report => ({ ...base, ending: 'failed', failure });

/** The watchdog is disarmed only after the ledger has the confirmation: whatever failed before, it goes off in time. */
function notConfirmed(host: Changing, { token, until }: Unconfirmed, report: Report): Report {
  const reading = orNull(host.readLedger());
  const ended = reading.kind === 'value' && reading.value?.unconfirmed?.token !== token;
  const note = ended
    ? 'the ledger has the confirmation all the same, but a power failure may lose it'
    : `not confirmed: the changes are in force, and are taken back at ${until} unless \`rsprep confirm\` succeeds before`;
  return { ...report, notes: [...report.notes, note] };
}

/**
 * Takes an unconfirmed apply back: what the watchdog runs when the time is up, and a person who does not want to wait.
 * @param token the watchdog's: it takes back only the run it was armed for. null is a person: whatever waits.
 */
export function revert(
  host: Changing,
  token: string | null,
  options: Pick<ApplyOptions, 'lockTimeoutMs' | 'timeoutMs'>,
): Promise<Report> {
  const base = baseReport(host, 'confirm', null);
  return underLock(host, base, options.lockTimeoutMs, async (lockFd) => {
    const reading = orNull(host.readLedger());
    if (reading.kind !== 'value') return failed(base, cannotTell(reading));
    const unconfirmed = reading.value?.unconfirmed;
    if (!unconfirmed || (token !== null && unconfirmed.token !== token)) {
      if (token !== null) return { ...base, ending: 'nothing-to-do' };
      return failed(base, nothingWaits(false));
    }
    const early = token === null ? null : tooEarly(host, unconfirmed);
    if (early) return failed(base, early);
    const back = await takeBack(host, unconfirmed, { lockFd, timeoutMs: options.timeoutMs });
    if (back.kind === 'failed') return { ...base, ending: 'rollback-failed', failure: back.failure };
    if (token === null) await host.disarmWatchdog(unconfirmed.token);
    return { ...base, ending: 'nothing-to-do', notes: [...base.notes, ...back.notes] };
  });
}

/** A watchdog that woke up before its time tries again; so does one that cannot read the time. */
function tooEarly(host: Changing, unconfirmed: Unconfirmed): Failure | null {
  const standing = standingOf(host, unconfirmed);
  if (standing.kind !== 'value') return timeUnknown(standing);
  if (standing.value !== 'waits') return null;
  const message = `the time to confirm ends at ${unconfirmed.until}, so nothing is taken back yet`;
  return { kind: 'locked', message, next: 'wait, or take it back now: rsprep confirm --revert' };
}

const timeUnknown = (missing: Unreadable): Failure =>
  stop(
    missing,
    'cannot tell whether the time to confirm is over, so nothing is confirmed or taken back',
    'make that file readable, then run it again',
  );

const cannotTell = (missing: Unreadable): Failure =>
  stop(
    missing,
    'cannot tell whether an apply waits for its confirmation, so nothing was changed',
    'see `rsprep verify`; `rsprep apply` makes a new ledger in place of a broken one',
  );

const nothingWaits = (rejected: boolean): Failure => ({
  kind: 'failed',
  message: rejected
    ? 'nothing waits for a confirmation: the last `rsprep apply --confirm` was taken back'
    : 'nothing waits for a confirmation',
  next: 'rsprep apply --confirm 60, look around, then rsprep confirm',
});

const tooLate = (until: string): Failure => ({
  kind: 'failed',
  message: `too late: the time to confirm ended at ${until}, and the apply is taken back`,
  next: 'run it again with more time: rsprep apply --confirm 120',
});
