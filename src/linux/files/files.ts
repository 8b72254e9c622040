import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { causeOf, errorText, isAbsent } from './errors.ts';

/** A text file's content. A FIFO is not waited for: whoever may make one must not hang a verify. */
export function readText(path: string): Reading<string> {
  let fd: number | null = null;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return fstatSync(fd).isFIFO()
      ? unreadable('io', `${path}: it is a pipe, not a file`)
      : value(readFileSync(fd, 'utf8'));
  } catch (error) {
    return isAbsent(error) ? absent : unreadable(causeOf(error), `${path}: ${errorText(error)}`);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/**
 * Replaces a file so that after a crash at any instant the old content or the new is there, never a part: temporary file,
 * fsync, rename, fsync of the directory.
 * @throws the system's error; the old file is then untouched.
 */
export async function writeAtomic(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
  const { default: writeFileAtomic } = await import('write-file-atomic');
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileAtomic.sync(path, content, { mode, fsync: true });
  syncDirectory(dirname(path));
}

/** Deletes a file; one that is not there is as good as deleted. @throws the system's error otherwise. */
export function deleteFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    return;
  }
  syncDirectory(dirname(path));
}

/** Moves a file out of the way. @throws the system's error. */
export function setAside(path: string, to: string): void {
  renameSync(path, to);
  syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
