import type { Desired } from '../../core/model/desired.ts';
import type { Ledger } from '../../core/model/ledger.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';

/**
 * What the boot unit applies: the configuration, unless it is the very one that was tried with --confirm and not confirmed;
 * then what was applied before it, or nothing.
 */
export function desiredAtBoot(
  ledger: Ledger | null,
  asked: Desired,
): { readonly desired: Desired | null; readonly notes: readonly string[] } {
  if (!ledger?.rejected || JSON.stringify(ledger.rejected) !== JSON.stringify(asked))
    return { desired: asked, notes: [] };
  const desired = ledger.applied?.desired ?? null;
  const instead = desired === null ? 'nothing is applied' : 'the configuration applied before it stays in force';
  return {
    desired,
    notes: [
      `this configuration was tried with --confirm and never confirmed: ${instead}. Run \`rsprep apply\` by hand to apply it`,
    ],
  };
}

/**
 * Why boot does nothing with a ledger that cannot be used, a corrupt one included: it may say that nobody confirmed this
 * configuration. A person who runs apply knows.
 */
export function unknownTrial(host: Changing): Failure | null {
  const ledger = host.readLedger();
  if (ledger.kind !== 'unreadable') return null;
  const what =
    'cannot tell whether this configuration was tried with --confirm and never confirmed, so nothing was done';
  return stop(ledger, what, '`rsprep apply`, run by hand, makes a new ledger from what the kernel holds');
}
