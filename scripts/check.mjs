// `npm run check`: builds what is stale, because unit tests use dist/ too; then format, lint, types, layer rules, generated documents and
// unit tests, all at once, each with its own exit status.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules/.bin', name);
const CHECKS = [
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['types of the core', bin('tsc'), ['-p', 'src/core/tsconfig.json']],
  ['layers', bin('depcruise'), ['src', '--config', '.dependency-cruiser.cjs']],
  ['generated documents', process.execPath, ['scripts/generate-docs.mjs', '--check']],
  ['unit tests', bin('vitest'), ['run', '--project', 'unit', '--reporter=dot']],
];

function run([name, command, args]) {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: process.env });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.on('error', (error) => resolve({ name, ok: false, output: error.message, ms: 0 }));
    child.on('close', (code) => resolve({ name, ok: code === 0, output, ms: performance.now() - startedMs }));
  });
}

const setup = spawnSync(process.execPath, [join(root, 'scripts/setup.mjs')], { cwd: root, stdio: 'inherit' });
if (setup.status !== 0) process.exit(setup.status ?? 1);
const results = await Promise.all(CHECKS.map(run));
for (const { name, ok, output, ms } of results) {
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${(ms / 1000).toFixed(1)} s)`);
  if (!ok) console.log(output);
}
process.exit(results.every(({ ok }) => ok) ? 0 : 1);
