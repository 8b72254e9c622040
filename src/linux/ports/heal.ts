import type { Healing } from '../../app/ports/heal.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { HEAL_PATH, type HealState } from '../../core/plan/heal.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { writeAtomic } from '../files/replace.ts';
import { changing, type HostOptions } from './host.ts';

export const healingOn = (paths: Paths, options: HostOptions, interrupted: () => boolean): Healing => ({
  ...changing(paths, options, interrupted),
  readHeal: () => readHeal(paths),
  writeHeal: (state) => writeIfChanged(paths, state),
});

function readHeal(paths: Paths): Reading<HealState> {
  const text = readText(paths.at(HEAL_PATH));
  if (text.kind !== 'value') return text;
  const corrupt = unreadable('corrupt', `${paths.at(HEAL_PATH)}: it is corrupt`);
  try {
    const parsed: Partial<HealState> | null = JSON.parse(text.value);
    if (!parsed || !isRecord(parsed)) return corrupt;
    const sound = parsed.format === 1 && typeof parsed.appliedAt === 'string';
    return sound && isRecord(parsed.fixed) && isRecord(parsed.gaveUp) ? value(parsed as HealState) : corrupt;
  } catch (error) {
    if (error instanceof SyntaxError) return corrupt;
    throw error;
  }
}

/** A heal that finds nothing to do writes nothing. */
async function writeIfChanged(paths: Paths, state: HealState): Promise<void> {
  const [now, next] = [readText(paths.at(HEAL_PATH)), `${JSON.stringify(state)}\n`];
  const nothing = Object.keys(state.fixed).length + Object.keys(state.gaveUp).length === 0;
  if (now.kind === 'value' ? now.value !== next : !nothing) await writeAtomic(paths, HEAL_PATH, next);
}

const isRecord = (item: unknown): boolean => typeof item === 'object' && item !== null && !Array.isArray(item);
