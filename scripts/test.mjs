// `npm test`: every tier this machine can run. Ends with a line `N passed, N failed`. A tier that cannot run is named with what
// it lacks; where RSPREP_TEST_ALL=1 (as in CI) that counts as a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const all = process.env.RSPREP_TEST_ALL === '1';
const only = process.argv.slice(2);

const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
const needs = (...programs) =>
  programs.filter((program) => !has(program)).map((program) => `${program} (not installed)`);

function canMakeNamespaces() {
  if (process.getuid() !== 0) return ['root'];
  return spawnSync('unshare', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? [] : ['network namespaces'];
}

const XTABLES = ['iptables-nft', 'iptables-legacy', 'arptables-legacy'];

async function namespaceTools() {
  return [
    ...canMakeNamespaces(),
    ...needs('ip', 'cc', 'nft', ...XTABLES, 'strace', 'arping', 'ping', 'flock', 'setpriv'),
  ];
}

async function realKernel() {
  const lacks = canMakeNamespaces();
  if (lacks.length > 0) return lacks;
  // The tier says itself what it lacks; in TypeScript, which Node 20 does not read.
  const { build } = await import('esbuild');
  const entry = join(root, 'test/real/support/requirements.ts');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const { missing } = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`
  );
  return missing();
}

const TIERS = [
  { name: 'unit', lacks: async () => [] },
  { name: 'generated', lacks: async () => [] },
  { name: 'netns', lacks: namespaceTools },
  { name: 'load', lacks: namespaceTools },
  { name: 'real', lacks: realKernel },
].filter(({ name }) => only.length === 0 || only.includes(name));

if (TIERS.length === 0) {
  console.error(`npm test: expected tiers among unit, generated, netns, load, real; received ${only.join(' ')}`);
  process.exit(64);
}

const folder = mkdtempSync(join(tmpdir(), 'rsprep-test-'));
let passed = 0;
let failed = 0;
const notRun = [];
/** Said once more at the end, where a log that was cut still has it. */
const named = [];
for (const { name, lacks } of TIERS) {
  const missing = await lacks();
  if (missing.length > 0) {
    notRun.push(`${name}: not run, needs ${missing.join(', ')}`);
    continue;
  }
  console.log(`\n== ${name}`);
  const file = join(folder, `${name}.json`);
  const args = ['run', '--project', name, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { status } = spawnSync(join(root, 'node_modules/.bin/vitest'), args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  passed += result?.numPassedTests ?? 0;
  const bad =
    (result?.numFailedTests ?? 0) +
    (result?.testResults ?? []).filter((f) => f.status === 'failed' && f.assertionResults.length === 0).length;
  const skipped = (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0);
  // A test that was meant to run and did not is a failure, and so is a runner that ended badly without naming one.
  failed += bad + skipped + (status !== 0 && bad === 0 ? 1 : 0);
  for (const { name: file, assertionResults, status: ended } of result?.testResults ?? []) {
    const short = file.slice(root.length + 1);
    if (ended === 'failed' && assertionResults.length === 0) named.push(`${name}: ${short} could not be run`);
    for (const { status: how, fullName } of assertionResults)
      if (how !== 'passed') named.push(`${name}: ${how} ${short}: ${fullName}`);
  }
  if (skipped > 0) console.log(`${name}: ${skipped} tests were skipped; that counts as failed`);
  if ((result?.numTotalTests ?? 0) === 0) failed += 1;
}
rmSync(folder, { recursive: true, force: true });
for (const line of [...named, ...notRun]) console.log(line);
if (all) failed += notRun.length;
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
