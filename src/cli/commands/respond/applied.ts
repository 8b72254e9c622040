import type { Desired } from '../../../core/model/desired.ts';
import { LEDGER_PATH } from '../../../core/model/ledger.ts';
import { identity } from '../../../linux/files/identity.ts';
import type { Paths } from '../../../linux/files/paths.ts';
import { readLedger } from '../../../linux/state/ledger.ts';

/**
 * Says when an apply brought other directors or settings of the responder than are in force. A file that somebody edited and did not
 * apply changes nothing.
 */
export function watchApplied(paths: Paths, inForce: Desired, allow: readonly string[]): () => Desired | null {
  const keyOf = ({ directors, responder }: Desired): string => JSON.stringify([directors, responder]);
  const applied = (): Desired | null => {
    const ledger = readLedger(paths);
    return ledger.kind === 'value' ? (ledger.value.applied?.desired ?? null) : null;
  };
  const path = paths.at(LEDGER_PATH);
  let seen = identity(path);
  const first = applied();
  let last = first === null ? '' : keyOf(first);
  return () => {
    const now = identity(path);
    if (now === seen) return null;
    seen = now;
    const desired = applied();
    if (desired === null || keyOf(desired) === last) return null;
    last = keyOf(desired);
    const isUsable = desired.directors.length + allow.length > 0;
    return isUsable && last !== keyOf(inForce) ? desired : null;
  };
}
