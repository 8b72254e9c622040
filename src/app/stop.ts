import { assertNever } from '../core/model/names.ts';
import type { Unreadable } from '../core/model/reading.ts';
import type { Failure } from './ports/host.ts';

/** What could not be read, as the reason why something is not done. @param what what is not done, in words */
export const stop = ({ cause, reason }: Unreadable, what: string, next: string): Failure => ({
  kind: cause === 'privilege' ? 'permission' : 'failed',
  message: `${what}: ${reason}`,
  next: cause === 'privilege' ? 'run this as root' : next,
});

/** For a failure that came before the first change. */
export const unchanged = (failure: Failure): Failure => ({ ...failure, next: `${failure.next}; nothing was changed` });

/** Why a ledger that cannot be read stops a run; null for a corrupt one, which apply sets aside and makes anew. */
export function ledgerFailure({ cause, reason }: Unreadable): Failure | null {
  switch (cause) {
    case 'corrupt':
      return null;
    case 'newer': {
      const next = 'install that version of rsprep again: this one would misread the ledger. Nothing was changed';
      return { kind: 'failed', message: reason, next };
    }
    case 'privilege':
      return { kind: 'permission', message: `cannot read the ledger: ${reason}`, next: 'run this as root' };
    case 'io': {
      const next = 'move it out of the way: `rsprep apply` makes a new one from what the kernel holds';
      return { kind: 'failed', message: `cannot read the ledger: ${reason}`, next };
    }
    default:
      return assertNever(cause);
  }
}
