// What V8 compiled of the program, kept beside it: half of a start goes there otherwise (docs/adr/code-cache.md has the figures).
// A cache is an addition: missing, damaged or of another Node, the program only starts slower.
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** The word that makes the program write its cache, and do nothing else. */
export const WRITE_CODE_CACHE = '--write-code-cache';

/** What the loader hands to the program, so that it can write its own cache. */
export interface CodeCache {
  /** Where it is, or would be, for this Node. */
  readonly path: string;
  /** Whether this run started from it. */
  readonly isUsed: boolean;
  /** The program's text. */
  readonly program: Buffer;
  /** What V8 has compiled until now. */
  compiled(): Buffer;
}

/** What is many times larger than any program of ours is no cache. */
const MOST_BYTES = 64 * 1024 * 1024;
/** As much is compared at once; memory that is not touched before costs more than the comparison. */
const PIECE_BYTES = 64 * 1024;
/** Names of caches in a folder, of whichever Node they are, half-written ones too. */
export const CACHE_NAME = /^rsprep-[0-9a-f]{32}\.cache(\.\d+)?$/;

/**
 * Named by what V8 itself puts in front of everything it compiles: its version and its flags, `--jitless` among them. That is what
 * v8.cachedDataVersionTag() is for, but loading node:v8 costs an eighth of a bare start.
 */
export const cachePath = (folder: string): string =>
  join(folder, `rsprep-${new Script('').createCachedData().toString('hex', 0, 16)}.cache`);

/**
 * A cache is the program's text, what V8 compiled of it, and that once more. V8 checks no sum, so that one flipped bit would crash it or
 * change a verdict, and compares only the length of the text. Two copies tell as much as a hash, without loading node:crypto.
 * @returns undefined where there is no whole cache of this very program
 */
export function readCache(path: string, program: Buffer): Buffer | undefined {
  let fd: number;
  try {
    // Whoever may write here may replace the program too; but a FIFO must not hang it.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return undefined; // whatever the reason: the program is whole without it
  }
  try {
    const stats = fstatSync(fd);
    const codeBytes = (stats.size - program.length) / 2;
    if (!stats.isFile() || stats.size > MOST_BYTES || codeBytes <= 0 || !Number.isInteger(codeBytes)) return undefined;
    if (!holds(fd, 0, program)) return undefined;
    const code = Buffer.allocUnsafeSlow(codeBytes);
    readWhole(fd, code, program.length);
    return holds(fd, program.length + codeBytes, code) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Whether a file has these bytes from `start` on. */
function holds(fd: number, start: number, bytes: Buffer): boolean {
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
    const wanted = bytes.subarray(offset, offset + PIECE_BYTES);
    const found = piece.subarray(0, wanted.length);
    readWhole(fd, found, start + offset);
    if (!found.equals(wanted)) return false;
  }
  return true;
}

/** @throws where the file ends too early. */
function readWhole(fd: number, bytes: Buffer, start: number): void {
  if (readSync(fd, bytes, 0, bytes.length, start) !== bytes.length) throw new Error('it is shorter than it was');
}

/** Whole or not at all. @throws the system's error. */
export function writeCache(path: string, program: Buffer, code: Buffer): void {
  const partial = `${path}.${process.pid}`;
  const fd = openSync(partial, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
  try {
    const bytes = Buffer.concat([program, code, code]);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    fsyncSync(fd);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
