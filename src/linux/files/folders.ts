import { lstatSync, readdirSync } from 'node:fs';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { causeOf, errorText, isAbsent } from './errors.ts';

/** Names in a folder, sorted by bytes as glob(3) and readers of .d folders do. */
export function namesIn(folder: string): Reading<readonly string[]> {
  try {
    return value(readdirSync(folder).sort());
  } catch (error) {
    return isAbsent(error) ? absent : unreadable(causeOf(error), `${folder}: ${errorText(error)}`);
  }
}

/** The same for those who only follow hints: what cannot be listed holds nothing. */
export function namesOrNone(folder: string): readonly string[] {
  const names = namesIn(folder);
  return names.kind === 'value' ? names.value : [];
}

/** Whether anything is there, a link that leads nowhere included. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
