// Makes a fresh clone runnable: installs the packages and builds, only where that is not done yet. `setup.mjs lab` and `setup.mjs bench`
// install what those commands need of Debian too, as root; `npm test` does that itself, beside its first tests.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [major] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(`setup: rsprep needs Node 20 or newer, and this is ${process.version} (${process.execPath})`);
  process.exit(1);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const mtime = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

function newest(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((latest, entry) => Math.max(latest, mtime(join(entry.parentPath ?? entry.path, entry.name))), 0);
}

function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', process.stderr.isTTY ? 'inherit' : 2, 'inherit'],
  });
  if (result.status === 0) return;
  console.error(`setup: \`${command} ${args.join(' ')}\` failed; run it by hand to see why`);
  process.exit(1);
}

const group = process.argv[2];
if (group !== undefined) {
  const { installNow } = await import('./test/packages.mjs');
  installNow(group); // what is still missing the command itself names
}
if (mtime(join(root, 'node_modules/.package-lock.json')) < mtime(join(root, 'package-lock.json'))) {
  console.error('setup: installing packages (npm ci)');
  run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
}
// What a build makes last and first: one that stopped half-way is not taken for done.
const built = Math.min(...['dist/rsprep.cjs', 'dist/types/index.d.ts'].map((path) => mtime(join(root, path))));
const sources = ['package.json', 'package-lock.json'].map((path) => mtime(join(root, path)));
if (built < Math.max(newest(join(root, 'src')), newest(join(root, 'scripts')), ...sources)) {
  console.error('setup: building dist/');
  run('node', ['scripts/build.mjs']);
}
