import { readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { closeQuietly } from './close.ts';
import { errorCode, Refused } from './errors.ts';
import { enter, type Folder, folderOf, inFolder, syncFolder } from './handle.ts';
import { becomeOwnerOf } from './owner.ts';
import type { Paths } from './paths.ts';

/** rsprep makes folders two deep; each level that is open takes a descriptor. */
const DEEPEST = 10;

/**
 * Deletes a folder with everything in it, as `rm -r --one-file-system` does: names and links, never what a link leads to. What another
 * user's folder holds is deleted as that user: whatever he swaps meanwhile, nothing goes that he could not delete himself.
 * @throws the system's error, or Refused for a mount; what was deleted until then is gone
 */
export function deleteTree(paths: Paths, path: string): void {
  try {
    inFolder(paths, dirname(path), false, (folder) => {
      deleteEntry(folder, basename(path), mountOf(folder.fd), DEEPEST);
      syncFolder(folder);
    });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

function deleteEntry(folder: Folder, name: string, mount: string, deepest: number): void {
  try {
    unlinkSync(folder.at(name));
    return;
  } catch (error) {
    // EISDIR is Linux's word for a folder (unlink(2)); EPERM that of POSIX, and of some file systems.
    if (!['EISDIR', 'EPERM'].includes(errorCode(error) ?? '')) throw error;
  }
  const fd = enter(folder, name);
  let back: (() => void) | null = null;
  try {
    if (mountOf(fd) !== mount) throw new Refused(`${name} is a mount: unmount it first`);
    if (deepest === 0) throw new Refused(`${name} lies deeper than anything that rsprep makes: delete it by hand`);
    back = becomeOwnerOf(fd);
    const inside = folderOf(fd);
    for (const entry of readdirSync(inside.at('.'))) deleteEntry(inside, entry, mount, deepest - 1);
  } finally {
    back?.();
    closeQuietly(fd);
  }
  rmdirSync(folder.at(name));
}

/** A bind mount is on the same device, but on another mount (proc(5), /proc/PID/fdinfo). */
const mountOf = (fd: number): string =>
  /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
