import { constants, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { chase } from './chase.ts';
import { closeQuietly } from './close.ts';
import { isAbsent } from './errors.ts';
import { becomeOwnerOf, isRoot } from './owner.ts';
import type { Paths } from './paths.ts';

/** An open folder: what is done at `at(name)` is done in this one, whatever is renamed above it meanwhile (openat(2)). */
export interface Folder {
  readonly fd: number;
  at(name: string): string;
}

/** open(2): a place in the file system, to go on from; needs no permission to read. Node does not name it. */
const O_PATH = 0o10000000;
const NEXT = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export const folderOf = (fd: number): Folder => ({ fd, at: (name) => `/proc/self/fd/${fd}/${name}` });

/**
 * Does something in a folder, without waiting for anything meanwhile. Walks there from the root one open descriptor after the other, so that
 * no link that somebody puts on the way is followed; root goes on as the owner from the first folder that belongs to another user.
 * @param make whether folders are made that are not there
 * @throws the system's error; Refused for a folder that root will not write in
 */
export function inFolder<T>(paths: Paths, path: string, make: boolean, act: (folder: Folder) => T): T {
  const way = chase(paths.root, path, { last: 'follow', guarded: isRoot() });
  let fd = openSync(paths.root, O_PATH | constants.O_DIRECTORY);
  let back: (() => void) | null = null;
  let where = paths.root.replace(/\/+$/, '');
  try {
    for (const name of way.split('/').filter((step) => step !== '')) {
      const next = enter(folderOf(fd), name, make);
      closeQuietly(fd);
      fd = next;
      where += `/${name}`;
      back ??= becomeOwnerOf(fd);
    }
    return act(folderOf(fd));
  } catch (error) {
    throw named(error, where);
  } finally {
    back?.();
    closeQuietly(fd);
  }
}

/** With the names that people know, instead of a descriptor's. */
function named(error: unknown, folder: string): unknown {
  if (!(error instanceof Error)) return error;
  const system = error as NodeJS.ErrnoException;
  const byName = (text: string): string => text.replace(/\/proc\/self\/fd\/\d+(?=\/)/g, folder);
  system.message = byName(system.message);
  if (system.path !== undefined) system.path = byName(system.path);
  return system;
}

/** @returns the descriptor of a folder in this one */
export function enter(folder: Folder, name: string, make = false): number {
  try {
    return openSync(folder.at(name), NEXT);
  } catch (error) {
    if (!make || !isAbsent(error)) throw error;
  }
  try {
    mkdirSync(folder.at(name), { mode: 0o755 });
    syncFolder(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another rsprep was quicker
  }
  return openSync(folder.at(name), NEXT);
}

/** What was renamed or deleted in it is so after a power failure too (fsync(2)). */
export function syncFolder(folder: Folder): void {
  const fd = openSync(folder.at('.'), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeQuietly(fd);
  }
}
