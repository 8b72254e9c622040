// Runs tiers in lanes: within a lane one after the other, lanes side by side, and `alone` ones at the end, when nothing else runs.
import { notRunTier, outcomeOf, verdict } from './verdict.mjs';

/**
 * @typedef {object} Tier
 * @property {string} name
 * @property {string} lane `alone`, or any other name
 * @property {() => Promise<readonly string[]>} lacks what it needs and this machine has not
 * @property {(say: (line: string) => void) => Promise<{ lines: readonly object[], status: number | null }>} run
 */

/**
 * @param {readonly Tier[]} tiers in the order in which the verdict names them
 * @param {{ say: (line: string) => void, all: boolean }} options
 * @returns {Promise<0 | 1>} the exit code
 */
export async function runTiers(tiers, { say, all }) {
  const done = new Map();
  const width = Math.max(...tiers.map(({ name }) => name.length));
  const one = async (tier) => {
    const line = (text) => say(`${tier.name.padEnd(width)} | ${text}`);
    const missing = await lackedBy(tier);
    const startedMs = performance.now();
    const seconds = () => (performance.now() - startedMs) / 1000;
    if (missing.length > 0) {
      line(`not run: needs ${missing.join(', ')}`);
      done.set(tier, { name: tier.name, seconds: 0, outcome: notRunTier(`needs ${missing.join(', ')}`) });
      return;
    }
    line('starts');
    const outcome = await outcomeIn(tier, line);
    done.set(tier, { name: tier.name, seconds: seconds(), outcome });
    line(
      `ends after ${(seconds() / 60).toFixed(1)} minutes: ${outcome.passed} passed, ${outcome.failures.length} failed`,
    );
  };
  const lane = async (name) => {
    for (const tier of tiers) if (tier.lane === name) await one(tier);
  };
  const side = [...new Set(tiers.map((tier) => tier.lane))].filter((name) => name !== 'alone');
  await Promise.all(side.map(lane));
  await lane('alone');
  const { lines, exitCode } = verdict(
    tiers.map((tier) => done.get(tier)),
    { all },
  );
  for (const text of lines) say(text);
  return exitCode;
}

/** A look at the machine that ends in an exception is no reason to say nothing of the other tiers. */
async function lackedBy(tier) {
  try {
    return await tier.lacks();
  } catch (error) {
    return [`a look at this machine that does not fail (${error.message})`];
  }
}

async function outcomeIn(tier, line) {
  try {
    const { lines, status } = await tier.run(line);
    return outcomeOf(lines, status);
  } catch (error) {
    return { passed: 0, failures: [`failed: ${error.message}`], notRun: [], retried: [] };
  }
}
