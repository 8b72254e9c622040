// `npm run check`: format, lint, types, dead code, layer rules, unit tests; all at once, each with its own exit status. `npm test` runs the
// same but for the unit tests, which are a tier there.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules/.bin', name);
const CHECKS = [
  ['format and lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ['types of the core', bin('tsc'), ['-p', 'src/core/tsconfig.json']],
  ['dead code', bin('knip'), ['--no-progress', '--treat-config-hints-as-errors']],
  ['layers', bin('depcruise'), ['src', '--config', '.dependency-cruiser.cjs']],
];
const UNIT = ['unit tests', bin('vitest'), ['run', '--project', 'unit', '--reporter=dot']];

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

/** Each as one test of the tier `check`. */
export async function runChecks(say) {
  const results = await Promise.all(
    CHECKS.map(async (check) => {
      const result = await run(check);
      report(result, say);
      return result;
    }),
  );
  const tests = results.map(({ name, ok }) => ({ name, state: ok ? 'passed' : 'failed', retries: 0 }));
  return {
    lines: [
      { file: 'npm run check', tests, errors: [] },
      { end: 'passed', errors: [] },
    ],
    status: 0,
  };
}

function report({ name, ok, output, ms }, say) {
  say(`${ok ? 'ok    ' : 'FAILED'} ${name} (${(ms / 1000).toFixed(1)} s)`);
  if (!ok) for (const line of output.trimEnd().split('\n')) say(line);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const results = await Promise.all([...CHECKS, UNIT].map(run));
  for (const result of results) report(result, console.log);
  process.exit(results.every(({ ok }) => ok) ? 0 : 1);
}
