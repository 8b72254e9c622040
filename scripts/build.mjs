// Builds what ships, plain esbuild output: dist/rsprep.cjs, which loads dist/rsprep-program.cjs, which loads from beside it what few
// runs need; dist/udp.cjs and its types; the native addon. Then lets this Node compile the program once for each way it is started
// (a code cache, which does not ship). docs/adr/code-cache.md says why, with figures.
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { buildNative } from './build-native.mjs';
import { buildTypes } from './build-types.mjs';
import { bundledPackages, thirdPartyNotices } from './licences.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minify: true,
  // dist/THIRD-PARTY-NOTICES.txt has every licence in full.
  legalComments: 'none',
  logLevel: 'warning',
  define: { RSPREP_VERSION: JSON.stringify(version) },
  // yaml's ES module build leaves out what is not used, which saves a quarter of the start-up it costs.
  alias: { yaml: './node_modules/yaml/browser/index.js' },
};

/** Packages that only some commands, or only bad days, need: in a file of their own, so that no other start reads them. */
const RARE = [
  'pino',
  'pino-pretty',
  'yaml',
  '@valibot/to-json-schema',
  ...['cpu', 'memory', 'network', 'osinfo', 'system'].map((name) => `systeminformation/lib/${name}.js`),
];

/** An import of one of them is taken from dist/rsprep-packages.cjs, which runs each only when it is asked for. */
const rarePackages = {
  name: 'rare-packages',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path }) => (RARE.includes(path) ? { path, namespace: 'rare' } : undefined));
    onResolve({ filter: /^rsprep-packages$/, namespace: 'rare' }, () => ({
      path: './rsprep-packages.cjs',
      external: true,
    }));
    onLoad({ filter: /./, namespace: 'rare' }, ({ path }) => ({
      contents: `module.exports = require('rsprep-packages')[${JSON.stringify(path)}];`,
    }));
  },
};

/** What esbuild says is in each output, for the notices. */
const metafiles = [];
const build = async (options) => metafiles.push((await esbuild.build({ ...options, metafile: true })).metafile);

/** Of Node's own modules those that take long to load, because of what they bring along: run when something of them is used first. */
const SLOW_TO_LOAD = ['child_process', 'crypto', 'dgram', 'dns', 'net', 'os', 'v8'];

const slowModules = {
  name: 'slow-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
      SLOW_TO_LOAD.includes(path.slice('node:'.length)) && namespace !== 'on-use'
        ? { path, namespace: 'on-use' }
        : undefined,
    );
    onLoad({ filter: /./, namespace: 'on-use' }, async ({ path }) => {
      const names = Object.keys(await import(path)).filter((name) => name !== 'default');
      const getters = names.map((name) => `get ${name}() { return require('${path}').${name}; },`);
      return { contents: `module.exports = { ${getters.join('\n')} };` };
    });
  },
};

await build({
  ...common,
  entryPoints: ['src/loader.ts'],
  outfile: 'dist/rsprep.cjs',
  banner: { js: '#!/usr/bin/env node' },
});
chmodSync(join(dist, 'rsprep.cjs'), 0o755);

await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/rsprep-program.cjs',
  // A function, as Node makes one of every CommonJS module (src/loader.ts calls it). An import() of a part is a call inside it.
  banner: { js: '(function(exports,require,module,__filename,__dirname,codeCache){' },
  footer: { js: '})' },
  supported: { 'dynamic-import': false },
  plugins: [rarePackages, slowModules],
});
makeAscii(join(dist, 'rsprep-program.cjs'));

const getters = RARE.map((name) => `get ${JSON.stringify(name)}() { return require(${JSON.stringify(name)}); },`);
await build({
  ...common,
  stdin: { contents: `module.exports = { ${getters.join('\n')} };`, resolveDir: root },
  outfile: 'dist/rsprep-packages.cjs',
});
await build({ ...common, entryPoints: ['src/linux/observe/probe-thread.ts'], outfile: 'dist/rsprep-probe-thread.cjs' });
await build({ ...common, entryPoints: ['src/udp/index.ts'], outfile: 'dist/udp.cjs' });
const notices = thirdPartyNotices(root, bundledPackages(metafiles));
writeFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), notices);
await buildTypes();
const withoutAddon = await buildNative();
if (withoutAddon !== null) console.log(`native addon: ${withoutAddon}`);
makeCodeCaches();

/** esbuild leaves regular expressions as they are. An escape means the same there, and V8 keeps ASCII in half the memory. */
function makeAscii(file) {
  const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[^\n\r\t -~]/g, escaped));
}

/** As units/ start Node: plainly, and with `--jitless` where MemoryDenyWriteExecute= forbids to make code at run time. */
function makeCodeCaches() {
  for (const name of readdirSync(dist)) if (name.includes('.cache')) rmSync(join(dist, name));
  for (const options of [[], ['--jitless', '--no-expose-wasm']]) {
    const argv = [...options, join(dist, 'rsprep.cjs'), '--write-code-cache'];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 120_000 });
    if (status !== 0) console.log(`no code cache for \`node ${options.join(' ')}\` (only slower): ${stderr.trim()}`);
  }
}
