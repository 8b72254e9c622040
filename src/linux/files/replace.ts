import {
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { closeQuietly } from './close.ts';
import { isAbsent } from './errors.ts';
import { inFolder, syncFolder } from './handle.ts';
import type { Paths } from './paths.ts';
import { sweep, temporaryName } from './temporary.ts';

/**
 * Replaces a file so that after a crash at any instant the old content or the new is there, never a part: new file beside it, all of it
 * written, fsync, rename, fsync of the folder. Makes the folders that are not there. A link in its place is replaced, not followed.
 * @param path as on the host; `--root` goes before it
 * @throws the system's error. The old file is then untouched, unless it is only the folder that could not be synced: then the new file is
 * there, but may be gone after a power failure.
 */
export async function writeAtomic(
  paths: Paths,
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  replaceFile(paths, path, content, mode);
}

/** The same, for who cannot wait. */
export function replaceFile(paths: Paths, path: string, content: string | Uint8Array, mode = 0o644): void {
  putInPlace(paths, path, (file) => writeNew(file, Buffer.from(content), mode));
}

/** A symbolic link, in the place of whatever file or link is there. @throws the system's error; what was there is then untouched. */
export function replaceByLink(paths: Paths, path: string, target: string): void {
  putInPlace(paths, path, (file) => symlinkSync(target, file));
}

/** Deletes a file; one that is not there is as good as deleted. @throws the system's error otherwise. */
export function deleteFile(paths: Paths, path: string): void {
  try {
    inFolder(paths, dirname(path), false, (folder) => {
      sweep(folder);
      unlinkSync(folder.at(basename(path)));
      syncFolder(folder);
    });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** Moves a file out of the way, within its folder. @throws the system's error. */
export function setAside(paths: Paths, path: string, newName: string): void {
  inFolder(paths, dirname(path), false, (folder) => {
    renameSync(folder.at(basename(path)), folder.at(newName));
    syncFolder(folder);
  });
}

/** @throws the system's error, ENOTEMPTY where anything is in it. */
export function deleteFolder(paths: Paths, path: string): void {
  inFolder(paths, dirname(path), false, (folder) => rmdirSync(folder.at(basename(path))));
}

/** Deletes what killed runs left in these folders; in one that cannot be reached, nothing. */
export function sweepFolders(paths: Paths, folders: readonly string[]): void {
  for (const path of folders) {
    try {
      inFolder(paths, path, false, sweep);
    } catch {
      // Whoever writes there is told.
    }
  }
}

function putInPlace(paths: Paths, path: string, make: (file: string) => void): void {
  inFolder(paths, dirname(path), true, (folder) => {
    sweep(folder);
    const temporary = folder.at(temporaryName());
    try {
      make(temporary);
      renameSync(temporary, folder.at(basename(path)));
    } catch (error) {
      deleteQuietly(temporary);
      throw error;
    }
    syncFolder(folder);
  });
}

/** write(2) may take a part and say so: on a nearly full disk, at a quota, below `ulimit -f`. The rest then fails with the reason. */
function writeNew(file: string, bytes: Uint8Array, mode: number): void {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    writeAll(fd, bytes);
    fchmodSync(fd, mode); // whatever the umask
    fsyncSync(fd);
  } finally {
    closeQuietly(fd);
  }
}

/** @throws the system's error. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const written = writeSync(fd, bytes, done);
    if (written === 0) throw Object.assign(new Error('nothing more could be written'), { code: 'ENOSPC' });
    done += written;
  }
}

function deleteQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was never made, or the next run sweeps it.
  }
}
