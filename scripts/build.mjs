// Builds what ships: dist/rsprep.cjs, one bundled CommonJS file, and the native addon beside it.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { build } = await import('esbuild');
const { makeBundle, makeCodeCache } = await import('./bundle.mjs');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  minify: true,
  keepNames: false,
  legalComments: 'linked',
  logLevel: 'warning',
  define: { RSPREP_VERSION: JSON.stringify(version) },
  // yaml's ES module build leaves out what is not used, which saves a quarter of the start-up it costs.
  alias: { yaml: './node_modules/yaml/browser/index.js' },
};

const program = join(root, 'dist/rsprep.cjs');
mkdirSync(join(root, 'dist'), { recursive: true });
writeFileSync(program, await makeBundle(common));
chmodSync(program, 0o755);

if (existsSync(join(root, 'src/udp/index.ts'))) {
  await build({ ...common, entryPoints: ['src/udp/index.ts'], outfile: 'dist/udp.cjs' });
  const { buildTypes } = await import('./build-types.mjs');
  await buildTypes();
}
const native = join(root, 'scripts/build-native.mjs');
if (existsSync(native)) {
  const { buildNative } = await import(pathToFileURL(native).href);
  const reason = await buildNative();
  if (typeof reason === 'string') console.log(`native addon: ${reason}`);
}
const slower = makeCodeCache(program);
if (slower !== null) console.log(slower);
