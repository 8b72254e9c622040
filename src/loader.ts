import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/** Written by scripts/bundle.mjs. This file is ASCII; positions in it count from its end, and 0 is the end. */
declare const RSPREP_BUNDLE: {
  /** Of the whole content: a code cache made from another is not for this one. */
  readonly id: string;
  readonly hotLength: number;
  readonly packs: Readonly<Record<string, readonly [start: number, end: number]>>;
};

/** A part of the program, as esbuild makes a CommonJS module. */
type Part = (
  module: { exports: unknown },
  exports: unknown,
  require: (name: string) => unknown,
  filename: string,
  dirname: string,
) => void;

const HOT = 'hot';
/** What V8 made of the hot part on this machine, beside the program. Missing or for another Node: only slower. */
const CACHE_FILE = join(dirname(__filename), 'rsprep.code-cache');
const WRITE_CACHE = '--write-code-cache';
const HEADER_BYTES = 128;
/** V8 itself refuses what another version of it wrote, but of the source it compares only the length. */
const header = (): string => `${RSPREP_BUNDLE.id} ${process.version} ${process.arch} `.padEnd(HEADER_BYTES, '.');

const loaded = new Map<string, { exports: unknown }>();
let self: string | null = null;

/** A part's text: packed in the comments at the end of this file, where V8 only skips it. */
function unpack(name: string): string {
  const place = RSPREP_BUNDLE.packs[name];
  if (place === undefined) throw new Error(`rsprep.cjs has no part ${name}: the file is damaged, install it again`);
  self ??= readFileSync(__filename, 'latin1');
  const { brotliDecompressSync } = require('node:zlib') as typeof import('node:zlib');
  return brotliDecompressSync(Buffer.from(self.slice(place[0], place[1] || undefined), 'base64')).toString('latin1');
}

function load(name: string, script: Script): unknown {
  const module = { exports: {} as unknown };
  loaded.set(name, module);
  (script.runInThisContext() as Part)(module, module.exports, requirePart, __filename, __dirname);
  return module.exports;
}

/** `rsprep:NAME` is a part of this file; everything else is Node's. */
function requirePart(name: string): unknown {
  if (!name.startsWith('rsprep:')) return require(name);
  const part = name.slice('rsprep:'.length);
  return loaded.get(part)?.exports ?? load(part, new Script(unpack(part), { filename: `${__filename} (${part})` }));
}

function readCache(): { readonly source: string; readonly code: Buffer } | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(CACHE_FILE);
  } catch {
    return null; // whatever the reason: the program is whole without it
  }
  const start = HEADER_BYTES + RSPREP_BUNDLE.hotLength;
  if (bytes.length <= start || bytes.toString('latin1', 0, HEADER_BYTES) !== header()) return null;
  return { source: bytes.toString('latin1', HEADER_BYTES, start), code: bytes.subarray(start) };
}

/** `rsprep.cjs --write-code-cache FILE verify …` runs the rest, and writes what V8 compiled for it. Only build and install call it. */
function writeCacheOnExit(script: Script, source: string): void {
  const [, file = CACHE_FILE] = process.argv.splice(2, 2);
  process.on('exit', () => {
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, Buffer.concat([Buffer.from(header() + source, 'latin1'), script.createCachedData()]));
    renameSync(temporary, file);
  });
}

const isWriting = process.argv[2] === WRITE_CACHE;
const cached = isWriting ? null : readCache();
const source = cached?.source ?? unpack(HOT);
const script = new Script(source, { filename: `${__filename} (${HOT})`, ...(cached && { cachedData: cached.code }) });
if (isWriting) writeCacheOnExit(script, source);
load(HOT, script);
