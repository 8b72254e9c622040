import type { HealState } from '../../core/plan/heal.ts';
import type { Changing } from './host.ts';

/** What `rsprep apply --heal` needs besides changing the host: to remember what it fixed. */
export interface Healing extends Changing {
  /** Null where heal never ran, or what it left cannot be used. */
  readHeal(): HealState | null;
  /** @throws the system's error */
  writeHeal(state: HealState): Promise<void>;
}
