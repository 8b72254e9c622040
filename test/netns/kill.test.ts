// Killed anywhere: SIGKILL at random moments, the main process alone or with all its children, a new run at once after each.
// Whatever is left half-done, the VIP is never claimed, and one apply or one remove puts everything right.
import { describe, expect, it } from 'vitest';
import { VIP6, withNetwork } from '../support/netns.ts';
import { killTree, type Outcome, signal, sleep } from '../support/process.ts';
import { pickSeed, seeded } from '../support/random.ts';
import { type Agent, agentOn, expectCode, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { startFlood } from '../support/tools.ts';

const KILLS = 300;
const vips = ['10.0.0.100', '10.0.0.101', '10.0.0.102', VIP6];
const commands = [['apply'], ['remove', '--drain-wait', '0s']] as const;

/** Every run starts at once after a kill and is killed itself; now and then one is left to finish what it finds. */
describe(`${KILLS} runs killed under a flood of ARP questions`, () => {
  it('never leak, and the next run fixes what they left', { timeout: 400_000 }, async () => {
    const seed = pickSeed();
    const random = seeded(seed);
    const tally: Record<string, number> = {};
    const count = (what: string): void => {
      tally[what] = (tally[what] ?? 0) + 1;
    };
    const pick = () => commands[random() < 0.5 ? 0 : 1];
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, { version: 1, vips });
      const before = snapshot(net.rs);
      const flood = await startFlood(net, { vip: '10.0.0.100', vips: 3, ratePerS: 75_000, seconds: 390 });
      let wholeMs = timeOnce(agent);
      let kills = 0;
      for (let i = 0; kills < KILLS; i += 1) {
        if (i > KILLS * 2) throw new Error(`seed ${seed}: only ${kills} of ${i} runs were still there to be killed`);
        const command = pick();
        const { child, done } = agent.start({}, ...command);
        await sleep(wholeMs * (0.2 + random() * 0.8));
        const alone = kills % 2 === 0;
        if (child.pid !== undefined) alone ? signal(child.pid, 'SIGKILL') : killTree(child.pid);
        const killed = (await done).signal === 'SIGKILL';
        count(killed ? `${command[0]} killed ${alone ? 'alone' : 'with its children'}` : `${command[0]} had ended`);
        if (killed) kills += 1;
        // Follows how long a run takes on this machine at this moment: about one in six ends before its kill.
        wholeMs *= killed ? 1.01 : 0.95;
        if (i % 4 !== 3) continue;
        const next = pick();
        const followed = await agent.start({}, ...next).done;
        count(`then ${next[0]} ${followed.code}`);
        if (/in the middle of/.test(followed.stdout + followed.stderr)) count('found something half-done');
        expectFixed(followed, `run ${i}, seed ${seed}`);
      }
      const counters = await flood.stop();
      process.stdout.write(`killed: ${JSON.stringify(tally)}\nflood: ${JSON.stringify(counters)}\n`);
      expect(counters, `seed ${seed}`).toMatchObject({ replies: 0, requestsWithSenderVip: 0, kernelDrops: 0 });
      expect(counters.ratePerS).toBeGreaterThan(50_000);
      expect(counters.controlReplies).toBeGreaterThan(counters.seconds * 30);
      // The kills must have hit runs that were changing the host, not only their start and end.
      expect(tally['found something half-done']).toBeGreaterThan(5);

      expectCode(await retried(agent, 'apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('remove', '--drain-wait', '0s'), 0);
      expect(snapshot(net.rs), `seed ${seed}`).toEqual(before);
    });
  });
});

describe('a live VIP on a NIC', () => {
  it('is never lost when its move to lo is killed', { timeout: 120_000 }, async () => {
    const seed = pickSeed();
    const random = seeded(seed);
    await withNetwork(async (net) => {
      const [vip = ''] = vips;
      const agent = agentOn(net, net.rs, { version: 1, vips: [vip] });
      let wholeMs = 300;
      const seen = new Set<string>();
      for (let i = 0; i < 40; i += 1) {
        net.rs.run(['sh', '-c', `ip addr add ${vip}/24 dev eth0; ip addr del ${vip}/32 dev lo`]);
        const { child, done } = agent.start({}, 'apply', '--take-from-nic');
        await sleep(wholeMs * (0.4 + random() * 0.6));
        if (child.pid !== undefined) killTree(child.pid);
        wholeMs *= (await done).signal === 'SIGKILL' ? 1.03 : 0.95;
        const places = ['lo', 'eth0'].filter((device) => net.rs.ip(`-o addr show dev ${device}`).includes(`${vip}/`));
        expect(places, `seed ${seed}, kill ${i}`).not.toEqual([]);
        seen.add(places.join(' and '));
      }
      // Both ends of the move were met, so that kills did fall before and after it.
      expect([...seen]).toEqual(expect.arrayContaining(['eth0', 'lo']));
      expectCode(await retried(agent, 'apply', '--take-from-nic'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });
});

/** How long a whole run takes here, in milliseconds: the kills are spread over it. */
function timeOnce(agent: Agent): number {
  const begun = performance.now();
  for (const command of commands) expectCode(agent.run(...command), 0);
  return (performance.now() - begun) / commands.length;
}

/** Done, or kept out by a child of the killed run that is still at work. */
function expectFixed(outcome: Outcome, where: string): void {
  if (outcome.code === 0 || outcome.code === 75) return;
  throw new Error(
    `${where}: the run after it ended with ${outcome.code ?? outcome.signal}:\n${outcome.stdout}${outcome.stderr}`,
  );
}

/** The last victim's child may hold the lock for a moment. */
async function retried(agent: Agent, ...words: readonly string[]): Promise<Outcome> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const outcome = agent.run(...words);
    if (outcome.code !== 75) return outcome;
    await sleep(100);
  }
  throw new Error('the lock is still held two seconds after the last kill');
}
