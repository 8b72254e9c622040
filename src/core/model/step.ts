import type { Action } from './action.ts';
import { ARP_KEYS, type ArpKey } from './arp-settings.ts';
import type { Finding } from './finding.ts';

const AFTER_SYSCTLS = ['link', 'add', 'refresh', 'delete', 'persist', 'ledger'] as const;
/** The stages of a run, in the order in which apply goes through them: each managed sysctl is one. */
export type Phase = ArpKey | (typeof AFTER_SYSCTLS)[number];
export const PHASES: readonly Phase[] = [...ARP_KEYS, ...AFTER_SYSCTLS];

export interface Step {
  readonly action: Action;
  /** The finding it fixes. */
  readonly cause: Finding;
  /** What takes it back; null where nothing should (going back to a leak is not an undo). */
  readonly undo: Action | null;
  /** Kept by a rollback while any VIP remains on the host. */
  readonly closesLeak: boolean;
  readonly phase: Phase;
}
