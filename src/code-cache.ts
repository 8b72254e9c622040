// What V8 compiled of the program, kept beside it: half of a start goes there otherwise (docs/adr/code-cache.md has the figures).
// A cache is an addition: missing, damaged or of another Node, the program only starts slower.
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';

/** The word that makes the program write its cache, and do nothing else. */
export const WRITE_CODE_CACHE = '--write-code-cache';

/** What the loader hands to the program, so that it can write its own cache. */
export interface CodeCache {
  /** Where it is, or would be, for this program and this Node. */
  readonly path: string;
  /** Whether this run started from it. */
  readonly isUsed: boolean;
  /** What V8 has compiled until now. */
  compiled(): Buffer;
}

const DIGEST_BYTES = 32;
/** The cache is as large as the program, more or less; what is many times larger is no cache. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Names of caches in a folder, whichever program and Node they are of. */
export const CACHE_NAME = /^rsprep-[0-9a-f]{16}-[0-9a-f]{1,8}\.cache$/;

const digest = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();

/**
 * V8 compares only the length of a source with that of its cache, so the name carries the source's hash. The tag covers V8's version,
 * its flags (`--jitless` among them) and the processor's features (node:v8, cachedDataVersionTag).
 */
export const cachePath = (folder: string, program: Uint8Array): string =>
  join(folder, `rsprep-${digest(program).toString('hex', 0, 8)}-${cachedDataVersionTag().toString(16)}.cache`);

/** @returns undefined where there is no whole cache. V8 checks no sum of its own: one flipped bit would crash it or change a verdict. */
export function readCache(path: string): Buffer | undefined {
  let fd: number;
  try {
    // Whoever may write here may replace the program too; but a FIFO must not hang it.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return undefined; // whatever the reason: the program is whole without it
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size <= DIGEST_BYTES || stats.size > MOST_BYTES) return undefined;
    const bytes = Buffer.allocUnsafeSlow(stats.size);
    if (readSync(fd, bytes, 0, stats.size, 0) !== stats.size) return undefined;
    const code = bytes.subarray(DIGEST_BYTES);
    return digest(code).equals(bytes.subarray(0, DIGEST_BYTES)) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Whole or not at all. @throws the system's error. */
export function writeCache(path: string, code: Buffer): void {
  const partial = `${path}.${process.pid}`;
  const fd = openSync(partial, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
  try {
    const bytes = Buffer.concat([digest(code), code]);
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
