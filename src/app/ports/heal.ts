import type { Reading } from '../../core/model/reading.ts';
import type { HealState } from '../../core/plan/heal.ts';
import type { Changing } from './host.ts';

/** What `rsprep apply --heal` needs besides changing the host: to remember what it fixed. */
export interface Healing extends Changing {
  /** Absent where heal never ran. */
  readHeal(): Reading<HealState>;
  /** @throws the system's error */
  writeHeal(state: HealState): Promise<void>;
}
