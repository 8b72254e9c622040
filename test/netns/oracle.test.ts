// The oracle: random states of a host, judged by verify and measured by its peers. Every disagreement is a bug in a check, or in
// the list of reasons in oracle/compare.ts. RSPREP_ORACLE_STATES (200) says how many, RSPREP_TEST_SEED brings a run back.
import { describe, expect, it } from 'vitest';
import { DIRECTOR, type Network, VIP, withNetwork } from '../support/netns.ts';
import { pickSeed, seeded } from '../support/random.ts';
import { type Agent, agentOn, findingsOf } from '../support/rsprep.ts';
import { type Comparison, compare, type Found } from './oracle/compare.ts';
import { type Oracle, startOracle } from './oracle/peers.ts';
import { PORTS, randomState, type State, scriptFor } from './oracle/state.ts';

const STATES = Number(process.env.RSPREP_ORACLE_STATES ?? 200);
/** States on one network before it is built anew, in turn with a bridge and with a plain NIC as the second one. */
const BATCH = 25;
const WINDOW_MS = 150;

interface Tally {
  states: number;
  clean: number;
  readonly counts: Map<string, number>;
}

describe('verify and the peers', () => {
  const seed = pickSeed();
  it(`agree on ${STATES} random states (RSPREP_TEST_SEED=${seed})`, {
    timeout: STATES * 15_000 + 60_000,
    retry: 0,
  }, async () => {
    const random = seeded(seed);
    const tally: Tally = { states: 0, clean: 0, counts: new Map() };
    const disagreements: string[] = [];
    for (let from = 0; from < STATES; from += BATCH) {
      await withNetwork(async (net) => {
        const agent = agentOn(net);
        const oracle = await startOracle(net, (from / BATCH) % 2 === 1);
        for (let n = from; n < Math.min(from + BATCH, STATES); n += 1) {
          const state = randomState(random);
          const problem = await judgeState(net, agent, oracle, state, tally);
          if (!problem) continue;
          disagreements.push(`state ${n}: ${problem}`);
          console.log(`disagreement in state ${n}: ${problem}`); // at once: a long run need not end to be of use
        }
      });
      console.log(`oracle: seed ${seed}, ${tally.states} states agree, ${disagreements.length} do not`);
    }
    const counts = [...tally.counts].sort().map(([what, count]) => `  ${String(count).padStart(5)}  ${what}`);
    console.log(
      `oracle: seed ${seed}, ${tally.states} states agree, ${tally.clean} with nothing wrong\n${counts.join('\n')}`,
    );
    expect(disagreements).toEqual([]);
  });
});

/** A busy machine may lose a frame's answer to the window: what disagrees is measured again, slower. */
async function judgeState(
  net: Network,
  agent: Agent,
  oracle: Oracle,
  state: State,
  tally: Tally,
): Promise<string | null> {
  const services = [`udp/${PORTS[state.binding]}`];
  agent.configure({ version: 1, vips: [{ address: VIP, services }], directors: [DIRECTOR], persist: false });
  for (const factor of [1, 3, 8]) {
    net.rs.must(['sh', '-c', scriptFor(state, oracle.nicB)]);
    const seen = await oracle.measure(state, WINDOW_MS * factor);
    const findings = findingsOf(agent.run('verify', '--format', 'json')) as readonly Found[];
    const comparison = compare(state, seen, findings, oracle.nicB);
    if (comparison.missed.length === 0 && comparison.unproved.length === 0) {
      count(tally, findings, comparison);
      return null;
    }
    if (factor < 8) continue;
    const { missed, unproved } = comparison;
    return JSON.stringify({
      missed,
      unproved,
      state,
      seen,
      findings: findings.map(({ id, severity }) => `${severity} ${id}`),
    });
  }
  return null;
}

function count(tally: Tally, findings: readonly Found[], { proved, excepted }: Comparison): void {
  const add = (what: string): void => void tally.counts.set(what, (tally.counts.get(what) ?? 0) + 1);
  tally.states += 1;
  const bad = findings.filter(({ severity, kind }) => severity !== 'advice' && kind === 'wrong');
  if (bad.length === 0) tally.clean += 1;
  for (const check of proved) add(`${check}: seen by the peers`);
  for (const { id, because } of excepted) add(`${id.split('@')[0]}: ${because}`);
}
