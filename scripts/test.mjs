// `npm test`: every tier this machine can run, after it has been given what they need. Ends with a line `N passed, N failed`. A tier or
// a test that cannot run is named with what it lacks; where RSPREP_TEST_ALL=1 (as in CI) that counts as a failure.
//   npm test -- --fast            only those that take a minute: check and unit
//   npm test -- netns real        only these
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';
import { runChecks } from './check.mjs';
import { faultsLacks, freshLacks, lackedPrograms, netnsLacks, realLacks } from './test/needs.mjs';
import { decideInstall, installCommand, packagesFor, thisHost, unpackPromtool } from './test/packages.mjs';
import { runTiers } from './test/run.mjs';
import { runVitest, spoken } from './test/vitest.mjs';

/**
 * In the order of the verdict. Lanes run side by side; `load` measures what only an idle machine shows. `real` beside `netns` on two
 * processors missed deadlines (cron in a guest), so they are one lane;
 * `fresh` unpacks and waits for registries meanwhile.
 */
const TIERS = [
  { name: 'check', lane: 'front', lacks: () => [], run: runChecks, installs: false, fast: true },
  { name: 'generated', lane: 'front', lacks: () => [], installs: false },
  { name: 'unit', lane: 'front', lacks: () => [], fast: true },
  { name: 'netns', lane: 'front', lacks: netnsLacks },
  { name: 'faults', lane: 'front', lacks: faultsLacks },
  { name: 'real', lane: 'front', lacks: realLacks },
  { name: 'fresh', lane: 'back', lacks: freshLacks },
  { name: 'load', lane: 'alone', lacks: () => [...netnsLacks(), ...lackedPrograms(['clang', 'ld.lld'])] },
];

const words = process.argv.slice(2);
const fast = words.includes('--fast');
const names = words.filter((word) => word !== '--fast');
const unknown = names.filter((name) => !TIERS.some((tier) => tier.name === name));
if (unknown.length > 0) {
  const known = TIERS.map(({ name }) => name).join(', ');
  console.error(`npm test: expected --fast or tiers among ${known}; received ${unknown.join(' ')}`);
  process.exit(64);
}
const chosen = TIERS.filter(({ name }) => names.length === 0 || names.includes(name)).filter(
  (tier) => tier.fast || !fast,
);
const say = (line) => console.log(line);

/** Beside the first tiers, which need none of it: the first results come within a minute on an empty machine too. */
async function install() {
  const { install: packages, say: words } = decideInstall(packagesFor(chosen.map(({ name }) => name)), thisHost());
  if (words !== null) say(`set-up     | ${words}`);
  if (packages.length > 0) await installWith(packages);
  const unpack = chosen.some(({ name }) => ['unit', 'netns'].includes(name)) ? unpackPromtool(thisHost()) : null;
  if (unpack === null) return;
  const last = [];
  const how = (await spoken(unpack, (line) => last.push(line))) === 0 ? 'is' : `could not be (${last.at(-1)})`;
  say(`set-up     | promtool ${how} unpacked from its Debian package, which is not installed`);
}

async function installWith(packages) {
  const startedMs = performance.now();
  const last = [];
  const status = await spoken(installCommand(packages), (line) => last.push(line));
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  if (status === 0) say(`set-up     | installed after ${seconds} s`);
  else for (const line of ['that failed, and its last words were:', ...last.slice(-5)]) say(`set-up     | ${line}`);
}

/** A clone that was built where no compiler was has no addon of its own. */
async function buildAddon() {
  const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
  if (!existsSync(join(dist, `rsprep-${process.arch}.node`))) await buildNative();
}

const installed = install()
  .then(buildAddon)
  .catch((error) => say(`set-up     | ${error.message}`));
const tiers = chosen.map(({ run, lacks, installs = true, ...tier }) => ({
  ...tier,
  lacks: async () => {
    if (installs) await installed;
    return await lacks();
  },
  run: run ?? ((line) => runVitest(tier.name, line)),
}));
process.exitCode = await runTiers(tiers, { say, all: process.env.RSPREP_TEST_ALL === '1' });
