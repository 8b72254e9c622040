import { lstatSync, opendirSync, readdirSync } from 'node:fs';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { causeOf, errorText, isAbsent } from './errors.ts';
import type { Paths } from './paths.ts';

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

/** As many as there are up to a number, in no order: of a folder that somebody else may fill. @throws the system's error. */
export function someNamesIn(folder: string, most: number): readonly string[] {
  const directory = opendirSync(folder);
  const names: string[] = [];
  try {
    for (let entry = directory.readSync(); entry !== null && names.length < most; entry = directory.readSync())
      names.push(entry.name);
  } finally {
    directory.closeSync();
  }
  return names;
}

/** Whether anything is there, a link that leads nowhere included. @throws the system's error where nobody can tell. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * The same for those who only follow hints: a folder on the way that this user may not enter, or that leads in a circle, is a
 * reading that could not be made, and neither "absent" nor the end of the program.
 */
export function presence(path: string): Reading<true> {
  try {
    return exists(path) ? value(true) : absent;
  } catch (error) {
    return isAbsent(error) ? absent : unreadable(causeOf(error), `${path}: ${errorText(error)}`);
  }
}

/** The first of several that is there; unreadable where one before it, or any if none is, cannot be looked for. */
export function firstPresent(paths: Paths, candidates: readonly string[]): Reading<string> {
  for (const path of candidates) {
    const found = presence(paths.linkAt(path));
    if (found.kind === 'value') return value(path);
    if (found.kind === 'unreadable') return found;
  }
  return absent;
}
