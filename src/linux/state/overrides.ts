import { escapeJson } from '../../core/escape.ts';
import { OVERRIDES_PATH, type Override } from '../../core/model/override.ts';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { deleteFile, writeAtomic } from '../files/replace.ts';

/** Absent when nobody ever said anything. */
export function readOverrides(paths: Paths): Reading<readonly Override[]> {
  const path = paths.at(OVERRIDES_PATH);
  const text = readText(path);
  if (text.kind !== 'value') return text.kind === 'absent' ? absent : text;
  try {
    const parsed: unknown = JSON.parse(text.value);
    if (Array.isArray(parsed) && parsed.every(isOverride)) return value(parsed);
  } catch (error) {
    return unreadable('corrupt', `${path}: it is corrupt (${error instanceof Error ? error.message : 'no JSON'})`);
  }
  return unreadable('corrupt', `${path}: it is corrupt (it is JSON, but not a list of overrides)`);
}

export async function writeOverrides(paths: Paths, overrides: readonly Override[]): Promise<void> {
  if (overrides.length === 0) deleteFile(paths, OVERRIDES_PATH);
  else await writeAtomic(paths, OVERRIDES_PATH, `${escapeJson(JSON.stringify(overrides, null, 2))}\n`);
}

function isOverride(item: unknown): item is Override {
  if (typeof item !== 'object' || item === null) return false;
  const { kind, reason, who, since, until, boot } = item as Record<string, unknown>;
  return (
    (kind === 'drain' || kind === 'hold' || kind === 'vouch') &&
    [reason, who, since].every((text) => typeof text === 'string') &&
    (until === null || (typeof until === 'string' && !Number.isNaN(Date.parse(until)))) &&
    (boot === undefined || isBootSpan(boot))
  );
}

function isBootSpan(item: unknown): item is Override['boot'] {
  if (typeof item !== 'object' || item === null) return false;
  const { bootId, fromMs, untilMs } = item as Record<string, unknown>;
  return typeof bootId === 'string' && Number.isFinite(fromMs) && Number.isFinite(untilMs);
}
