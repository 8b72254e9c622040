import { settingText } from '../model/arp-settings.ts';
import type { Ledger } from '../model/ledger.ts';
import type { Step } from '../model/step.ts';

/**
 * The steps that close a leak and set again what the ledger already has as ours: with these the ledger stays true without being
 * written, so that a full or read-only disk is no reason to leave the leak open.
 */
export function knownClosings(ledger: Ledger | null, steps: readonly Step[]): readonly Step[] {
  if (ledger === null) return [];
  const set = new Map(ledger.sysctls.map((owned) => [settingText(owned.setting), owned.set]));
  return steps.filter(({ action, closesLeak }) => {
    if (!closesLeak || action.kind !== 'set-sysctl') return false;
    const { scope, key } = action.setting;
    if (set.get(settingText(action.setting)) === action.to) return true;
    // As remove goes by it: an interface as it was before the first apply, with what `default` was set to since.
    return ledger.snapshot[scope]?.[key] !== undefined && set.get(settingText({ scope: 'default', key })) === action.to;
  });
}
