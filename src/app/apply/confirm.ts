import { orNull } from '../../core/model/needed.ts';
import type { Unreadable } from '../../core/model/reading.ts';
import type { Report } from '../../core/report/report.ts';
import { baseReport } from '../look.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';
import { underLock } from '../under-lock.ts';
import { type ApplyOptions, applyLocked } from './apply.ts';
import { tryToWrite } from './try-to-write.ts';
import { isExpired, isRebooted, takeBack } from './unconfirmed.ts';

/** Keeps what an `apply --confirm` did: persists it and records it as applied. */
export function confirm(host: Changing, options: ApplyOptions): Promise<Report> {
  const base = { ...baseReport(host, 'confirm', null), strict: options.strict };
  return underLock(host, base, options.lockTimeoutMs, async (lockFd) => {
    const reading = orNull(host.readLedger());
    if (reading.kind !== 'value') return { ...base, ending: 'failed', failure: cannotTell(reading) };
    const ledger = reading.value;
    const unconfirmed = ledger?.unconfirmed;
    if (!ledger || !unconfirmed)
      return { ...base, ending: 'failed', failure: nothingWaits(ledger?.rejected !== undefined) };
    const rebooted = isRebooted(host, unconfirmed);
    if (rebooted.kind !== 'value') return { ...base, ending: 'failed', failure: cannotTell(rebooted) };
    if (rebooted.value || isExpired(host, unconfirmed)) {
      const back = await takeBack(host, unconfirmed, { lockFd, timeoutMs: options.timeoutMs });
      return { ...base, ending: 'failed', failure: back.kind === 'failed' ? back.failure : tooLate(unconfirmed.until) };
    }
    const kept = await tryToWrite(() => host.writeLedger({ ...ledger, unconfirmed: null }), 'cannot write the ledger');
    if (kept) return { ...base, ending: 'failed', failure: kept };
    await host.disarmWatchdog(unconfirmed.token);
    const { desired } = unconfirmed;
    const report = await applyLocked(host, desired, { ...options, confirmMs: null }, { ...base, desired }, lockFd);
    return { ...report, notes: [...report.notes, 'confirmed: the changes stay, and survive a reboot'] };
  });
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
    if (reading.kind !== 'value') return { ...base, ending: 'failed', failure: cannotTell(reading) };
    const unconfirmed = reading.value?.unconfirmed;
    if (!unconfirmed || (token !== null && unconfirmed.token !== token)) {
      if (token !== null) return { ...base, ending: 'nothing-to-do' };
      return { ...base, ending: 'failed', failure: nothingWaits(false) };
    }
    const back = await takeBack(host, unconfirmed, { lockFd, timeoutMs: options.timeoutMs });
    if (back.kind === 'failed') return { ...base, ending: 'rollback-failed', failure: back.failure };
    if (token === null) await host.disarmWatchdog(unconfirmed.token);
    return { ...base, ending: 'nothing-to-do', notes: [...base.notes, ...back.notes] };
  });
}

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
