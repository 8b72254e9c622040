// No leak: while a peer asks for the VIP all the time, no cycle of apply and remove answers once. That the same flood sees
// replies when the order is wrong is shown in order.test.ts.
import { describe, expect, it } from 'vitest';
import { VIP, withNetwork } from '../support/netns.ts';
import { agentOn, expectCode } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { type FloodCounters, startFlood } from '../support/tools.ts';

const CYCLES = 100;

function expectSilence(counters: FloodCounters): void {
  expect(counters).toMatchObject({ replies: 0, requestsWithSenderVip: 0, macs: [], kernelDrops: 0 });
  // The rest says that the silence was heard: questions went out at the rate promised, and the RIP answered all along.
  expect(counters.ratePerS).toBeGreaterThan(50_000);
  expect(counters.controlReplies).toBeGreaterThan(counters.seconds * 50);
}

describe('under a flood of ARP questions for the VIP', () => {
  it(`stays silent through ${CYCLES} cycles of apply and remove`, { timeout: 300_000 }, async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const flood = await startFlood(net, { seconds: 290, ratePerS: 75_000 });
      for (let cycle = 0; cycle < CYCLES; cycle += 1) {
        expectCode(agent.run('apply'), 0);
        expectCode(agent.run('remove'), 0);
      }
      expectSilence(await flood.stop());
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('falls silent for good when apply finds a leak, and stays so through remove', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net);
      net.rs.ip(`addr add ${VIP}/32 dev lo`);
      const leaking = await startFlood(net, { seconds: 20 });
      net.rs.must(['sleep', '0.2']);
      expectCode(agent.run('apply'), 0);
      expect((await leaking.stop()).replies).toBeGreaterThan(100);

      const silent = await startFlood(net, { seconds: 20 });
      net.rs.must(['sleep', '0.5']);
      expectCode(agent.run('remove'), 0);
      net.rs.must(['sleep', '0.2']);
      expectSilence(await silent.stop());
    });
  });
});
