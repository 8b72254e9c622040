import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { type CodeCache, cachePath, readCache } from './code-cache.ts';

type Program = (
  exports: unknown,
  require: NodeJS.Require,
  module: unknown,
  filename: string,
  dirname: string,
  codeCache: CodeCache,
) => void;

// dist/rsprep.cjs: starts the program beside it, with what V8 compiled of it earlier.
const file = join(__dirname, 'rsprep-program.cjs');
const bytes = readProgram();
const path = cachePath(__dirname);
const cachedData = readCache(path, bytes);
// The build writes ASCII, so that each byte is a character.
const script = new Script(bytes.toString('latin1'), { filename: file, ...(cachedData && { cachedData }) });
const program: Program = script.runInThisContext();
const isUsed = cachedData !== undefined && script.cachedDataRejected === false;
const compiled = (): Buffer => script.createCachedData();
program({}, require, {}, file, __dirname, { path, isUsed, program: bytes, compiled });

function readProgram(): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    // The path is in it, and may be anything.
    const why = (error instanceof Error ? error.message : String(error)).replace(/[^\x20-\x7e]/g, '?');
    console.error(
      `rsprep: ${why}\n  next: keep rsprep.cjs with the files it came with (all of dist/), or install it again`,
    );
    // No bug; and to a monitoring system 1 would be a warning (src/core/report/exit-code.ts).
    return process.exit(process.argv[2] === 'check' ? 3 : 1);
  }
}
