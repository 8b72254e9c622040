import type { Unconfirmed } from '../../core/model/ledger.ts';
import { orNull } from '../../core/model/needed.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { ledgerFailure, stop } from '../stop.ts';
import { standingOf, takeBack } from './unconfirmed.ts';

type Prepared =
  | { readonly kind: 'ready'; readonly notes: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Brings the ledger into a state a run can start from, and says what it found: a run that was killed, a corrupt ledger
 * (set aside), one of another host (set aside: a clone's ledger says nothing about this machine), a newer version's.
 */
export async function prepareLedger(
  host: Changing,
  context: { readonly lockFd: number | null; readonly timeoutMs: number },
): Promise<Prepared> {
  const reading = host.readLedger();
  if (reading.kind === 'absent') return { kind: 'ready', notes: [] };
  if (reading.kind === 'unreadable') {
    const failure = ledgerFailure(reading);
    return failure ? { kind: 'failed', failure } : aside(host, '.bad', reading.reason);
  }
  const ledger = reading.value;
  const machineId = orNull(host.machineId());
  if (machineId.kind !== 'value') {
    const what = 'cannot tell whether the ledger is of this machine, so nothing was changed';
    return { kind: 'failed', failure: stop(machineId, what, 'make that file readable, then run this again') };
  }
  if (ledger.machineId !== null && machineId.value !== null && ledger.machineId !== machineId.value) {
    return aside(host, '.other-host', 'the ledger was written on another machine (this one is a copy of it)');
  }
  if (ledger.unconfirmed) return overdue(host, ledger.unconfirmed, context);
  if (!ledger.intent) return { kind: 'ready', notes: [] };
  const { command, pid, startedAt, steps } = ledger.intent;
  const what = `\`rsprep ${command}\` (pid ${pid}, started ${startedAt}) had been stopped in the middle of ${steps.length} steps`;
  return { kind: 'ready', notes: [`${what}; this run goes on from what the kernel holds now`] };
}

/** For a run that does nothing else about the ledger: what nobody confirmed in time is taken back by whoever comes first. */
export async function takeBackOverdue(
  host: Changing,
  context: { readonly lockFd: number | null; readonly timeoutMs: number },
): Promise<Prepared> {
  const reading = host.readLedger();
  const unconfirmed = reading.kind === 'value' ? reading.value.unconfirmed : null;
  return unconfirmed ? overdue(host, unconfirmed, context) : { kind: 'ready', notes: [] };
}

/** The watchdog did not get to it: a reboot, or it was killed too. */
async function overdue(
  host: Changing,
  unconfirmed: Unconfirmed,
  context: { readonly lockFd: number | null; readonly timeoutMs: number },
): Promise<Prepared> {
  const standing = standingOf(host, unconfirmed);
  if (standing.kind === 'value' && standing.value === 'waits') return { kind: 'ready', notes: [] };
  const back = await takeBack(host, unconfirmed, context);
  return back.kind === 'failed' ? back : { kind: 'ready', notes: back.notes };
}

function aside(host: Changing, suffix: string, why: string): Prepared {
  try {
    const path = host.setLedgerAside(suffix);
    return {
      kind: 'ready',
      notes: [`${why}; it was set aside as ${path}, and a new one is made from what the kernel holds`],
    };
  } catch (error) {
    const message = `${why}, and it cannot be set aside: ${error instanceof Error ? error.message : String(error)}`;
    return { kind: 'failed', failure: { kind: 'failed', message, next: 'make /var/lib/rsprep writable' } };
  }
}
