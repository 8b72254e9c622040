import type { Action } from './action.ts';
import type { Finding } from './finding.ts';

/** The stages of a run, in the order in which apply goes through them. */
export const PHASES = ['announce', 'ignore', 'link', 'add', 'refresh', 'delete', 'persist', 'ledger'] as const;
export type Phase = (typeof PHASES)[number];

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
