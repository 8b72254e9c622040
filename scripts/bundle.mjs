// Makes dist/rsprep.cjs: src/loader.ts, and behind it, in comments, the program in parts. Node compiles a whole file before it runs
// a line of it, and scanning costs time even for what is never called; a comment costs least. docs/adr/cold-code.md has the figures.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';

/** Packages that only some commands, or only bad days, need: a part each. */
const PACKAGES = /^(execa|yaml|pino|pino-pretty|systeminformation|write-file-atomic|@valibot\/to-json-schema)$/;
/** Only these files of a package: of systeminformation two thirds are about disks, graphics, batteries and printers. */
const ONLY = {
  systeminformation: ['osinfo', 'system', 'cpu', 'memory', 'network'].map((name) => `systeminformation/lib/${name}.js`),
};
/** Commands that cron and monitoring run every minute: in the hot part, with main.ts. */
const HOT_COMMANDS = ['./verify.ts', './report/report.ts', './check.ts'];
/** Those of a working day are one part, the one that a director may run every second is another, all others are a third. */
const PARTS = {
  warm: ['./apply.ts', './plan.ts', './remove.ts', './confirm.ts', './override.ts', './status.ts'],
  ask: ['./ask.ts'],
};
const partOf = (command) => Object.keys(PARTS).find((part) => PARTS[part].includes(command)) ?? 'cold';
/** Where each part begins in the file, and what the loader needs to know of it. */
const MARK = '\n//';

/**
 * @param options of esbuild, the same for every part
 * @returns the text of the bundle. It is ASCII, as esbuild's output is: positions in it are bytes and characters alike.
 */
export async function makeBundle(options) {
  const parts = new Map();
  const add = async (name, makeText) => {
    if (parts.has(name)) return;
    parts.set(name, '');
    parts.set(name, `(function(module,exports,require,__filename,__dirname){${await makeText()}})`);
  };
  await add('hot', () => textOf({ ...options, entryPoints: ['src/main.ts'], plugins: [partsOf(options, add)] }));
  const packed = [...parts].map(([name, text]) => [name, pack(text)]);
  const id = createHash('sha256')
    .update(JSON.stringify([...parts]))
    .digest('hex')
    .slice(0, 32);
  const loaderWith = (packs) =>
    textOf({
      ...options,
      entryPoints: ['src/loader.ts'],
      define: { RSPREP_BUNDLE: JSON.stringify({ id, hotLength: parts.get('hot').length, packs }) },
      banner: { js: '#!/usr/bin/env node' },
    });
  // Positions count from the end, so that the loader's own length, which depends on them, does not matter.
  let end = 0;
  const packs = {};
  for (const [name, text] of packed.toReversed()) {
    packs[name] = [end - text.length, end];
    end -= text.length + MARK.length;
  }
  return (await loaderWith(packs)).trimEnd() + packed.map(([, text]) => MARK + text).join('');
}

/**
 * Beside the bundle, what the Node that runs this compiles of the hot part: half of a start goes there otherwise. The program runs
 * without it too, and with another Node.
 * @returns why there is none, or null
 */
export function makeCodeCache(file) {
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-build-'));
  try {
    const config = join(folder, 'rsprep.yaml');
    writeFileSync(config, 'version: 1\nvips: [192.0.2.1, "2001:db8::1"]\n', { mode: 0o644 });
    const verify = ['verify', '--root', folder, '-c', config];
    const { status, stderr } = spawnSync(
      process.execPath,
      [file, '--write-code-cache', `${file.slice(0, -4)}.code-cache`, ...verify],
      {
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    return [0, 1, 2, 3].includes(status) ? null : `no code cache (only slower): ${stderr.trim()}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An esbuild plugin: what is a part of its own is asked of the loader, and built once. */
const partsOf = (options, add) => ({
  name: 'parts',
  setup(main) {
    const external = (name) => ({ path: `rsprep:${name}`, external: true });
    // commander loads it for subcommands that are programs of their own, which rsprep has none of; it brings net and streams along.
    main.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? { path: 'child_process', namespace: 'on-use' } : undefined,
    );
    main.onLoad({ filter: /.*/, namespace: 'on-use' }, () => ({
      contents: "exports.spawn = (...words) => require('node:child_process').spawn(...words);",
    }));
    main.onResolve({ filter: PACKAGES }, async ({ path }) => {
      if (path in ONLY) {
        await add(path, () => textOf(from(options, ONLY[path].map((file) => `export * from '${file}';`).join('\n'))));
        return external(path);
      }
      const all = `export * from '${path}';`;
      // Only some packages have a default export, and esbuild refuses to pass on one that is not there.
      const withDefault = `${all} export { default } from '${path}';`;
      await add(path, () => textOf(from(options, withDefault)).catch(() => textOf(from(options, all))));
      return external(path);
    });
    main.onResolve({ filter: /^\.\/[a-z/-]+\.ts$/ }, async ({ path, importer, kind }) => {
      if (kind !== 'dynamic-import' || !/\/src\/cli\/commands\/(registry|verify)\.ts$/.test(importer)) return undefined;
      if (HOT_COMMANDS.includes(path)) return undefined;
      const name = partOf(path);
      await add(name, () => textOf({ ...from(options, commandsOf(options, name)), plugins: [partsOf(options, add)] }));
      return external(name);
    });
  },
});

function commandsOf(options, part) {
  const list = readFileSync(join(options.absWorkingDir, 'src/cli/commands/registry.ts'), 'utf8');
  const files = [...new Set([...list.matchAll(/import\('(\.\/[a-z/-]+\.ts)'\)/g)].map(([, file]) => file))];
  return files
    .filter((file) => !HOT_COMMANDS.includes(file) && partOf(file) === part)
    .map((file) => `export * from './src/cli/commands/${file.slice(2)}';`)
    .join('\n');
}

const from = (options, contents) => ({
  ...options,
  stdin: { contents, resolveDir: options.absWorkingDir, loader: 'ts' },
  logLevel: 'silent',
});

async function textOf(options) {
  // An import() of another part is a require() of the loader's.
  const supported = { 'dynamic-import': false };
  const result = await build({ ...options, supported, write: false, legalComments: 'none' });
  // esbuild leaves regular expressions as they are; an escape means the same in them, and V8 keeps ASCII in half the memory.
  const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return result.outputFiles[0].text.replace(/[^\n\r\t -~]/g, escaped);
}

const pack = (text) =>
  brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
  }).toString('base64');
