// Which faults a run of the tier tries, and how it says what it found.
import { expect, it } from 'vitest';
import { withNetwork } from '../../support/netns.ts';
import { pickSeed, seeded } from '../../support/random.ts';
import { allCases, type Call, type Case, described, distinctCases, sample } from './calls.ts';
import { keep, prepareSubject } from './host.ts';
import { disturb, type Scenario, shown, stage } from './scenario.ts';

/** Of each scenario, where RSPREP_FAULTS does not say otherwise. */
const SAMPLE = 34;
/** So many are shown whole. */
const SHOWN = 12;

/**
 * `all` is every fault at every call where the outcome can differ: hours. Or SCENARIO, SCENARIO:FAULT or SCENARIO:FAULT:CALL for those of
 * one, and nothing else.
 */
const asked = process.env.RSPREP_FAULTS ?? null;
const [askedScenario, askedFault, askedCall] = asked?.split(':') ?? [];
const seed = pickSeed();

export function disturbed(scenario: Scenario): void {
  const other = asked !== null && asked !== 'all' && askedScenario !== scenario.name;
  it.skipIf(other)(`${scenario.name}${other ? ' (not run: RSPREP_FAULTS names another)' : ''}`, async () => {
    await withNetwork(async (net) => {
      const subject = await prepareSubject(net);
      const ready = await stage(subject, scenario, keep(subject));
      const possible = allCases(ready.calls);
      const failures: string[] = [];
      const tally: Record<string, number> = {};
      const count = (what: string): void => {
        tally[what] = (tally[what] ?? 0) + 1;
      };
      const chosen = choose(ready.calls);
      if (asked !== null) process.stdout.write(`${scenario.name}: ${chosen.length} faults to try\n`);
      for (const one of chosen) {
        const { outcome, hit, wrong } = await disturb(ready, one);
        count(hit === null ? 'never came' : `${one.fault} → ${outcome.code ?? outcome.signal}`);
        if (wrong.length === 0) continue;
        count('FAILED');
        failures.push(
          [
            `${scenario.name}, ${one.fault} at ${described(hit ?? one.call)}, ended with ${shown(outcome)}`,
            ...wrong.map((line) => `  ✗ ${line}`),
            `  again: RSPREP_FAULTS=${scenario.name}:${one.fault}:${one.call.at} npx vitest run --project faults`,
          ].join('\n'),
        );
      }
      const { ratePerS, controlReplies } = await subject.flood.stop();
      const sorted = Object.entries(tally)
        .sort()
        .map(([what, times]) => `${what}: ${times}`);
      process.stdout.write(
        `${scenario.name}: ${ready.calls.length} calls, ${possible.length} faults possible, ${chosen.length} tried (seed ${seed}), ${ready.proven.size} different states after them; ${sorted.join(', ')}\n`,
      );
      const more = failures.length > SHOWN ? [`and ${failures.length - SHOWN} more`] : [];
      expect(
        [...failures.slice(0, SHOWN), ...more].join('\n\n'),
        `seed ${seed}: ${failures.length} of ${chosen.length} faults`,
      ).toBe('');
      expect(tally['never came'] ?? 0).toBeLessThan(Math.max(2, chosen.length / 10));
      // The silence was heard: questions went out all along, and were answered for the address that must answer.
      expect(ratePerS).toBeGreaterThan(2000);
      expect(controlReplies).toBeGreaterThan(chosen.length);
    });
  });
}

function choose(calls: readonly Call[]): readonly Case[] {
  if (asked === null) return sample(allCases(calls), SAMPLE, seeded(seed));
  if (askedCall === undefined)
    return distinctCases(calls).filter(({ fault }) => askedFault === undefined || askedFault === fault);
  return allCases(calls).filter(({ fault, call }) => askedFault === fault && Number(askedCall) === call.at);
}
