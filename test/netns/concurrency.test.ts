// Many at once: exactly one changes the host at a time, and the host ends in a state that verify agrees with.
import { describe, expect, it } from 'vitest';
import { badIp, under } from '../support/faults.ts';
import { VIP, VIP6, withNetwork } from '../support/netns.ts';
import { type Outcome, signal, sleep } from '../support/process.ts';
import { type Agent, agentOn, expectCode, parseReport, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { startFlood } from '../support/tools.ts';

const config = { version: 1, vips: [VIP, VIP6] };
const remove = ['remove', '--drain-wait', '0s'] as const;

const together = (agent: Agent, runs: readonly (readonly string[])[]): Promise<readonly Outcome[]> =>
  Promise.all(runs.map((words) => agent.start({}, ...words, '--format', 'json').done));

const endings = (outcomes: readonly Outcome[]): readonly unknown[] =>
  outcomes.filter(({ code }) => code === 0).map((outcome) => parseReport(outcome).ending);

describe('at the same time', () => {
  it('20 applies: one changes the host, the others exit 75 or find it done', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const flood = await startFlood(net, { ratePerS: 20_000 });
      const outcomes = await together(
        agent,
        Array.from({ length: 20 }, () => ['apply']),
      );
      for (const outcome of outcomes) expectCode(outcome, 0, 75);
      expect(endings(outcomes).filter((ending) => ending === 'applied')).toHaveLength(1);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
      expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0 });
    });
  });

  it('20 applies that wait for the lock: one changes the host, all end with 0', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const outcomes = await together(
        agent,
        Array.from({ length: 20 }, () => ['apply', '--lock-timeout', '30s']),
      );
      for (const outcome of outcomes) expectCode(outcome, 0);
      expect(endings(outcomes).filter((ending) => ending === 'applied')).toHaveLength(1);
    });
  });

  it('10 applies against 10 removes: the host ends in one of the two states', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const flood = await startFlood(net, { ratePerS: 20_000 });
      const runs = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? ['apply'] : remove));
      for (const outcome of await together(agent, runs)) expectCode(outcome, 0, 75);
      const { code, ids } = verifyIds(agent);
      if (code === 0) expect(ids).toEqual([]);
      else expect(snapshot(net.rs)).toEqual(before);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
      expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0 });
    });
  });

  it('a killed apply whose `ip` is still at work keeps the next one out, and says so', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const { child, done } = net.rs.start(under(badIp(agent, 'slow', '^address add'), agent.argv('apply')));
      await untilBusy(agent, 'real');
      if (child.pid !== undefined) signal(child.pid, 'SIGKILL');
      await done;
      const refused = expectCode(agent.run('apply'), 75);
      expect(refused.stderr + refused.stdout).toMatch(/lock/);
      await sleep(1400);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });
});

describe('a signal in the middle of apply', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s finishes the step under way and takes everything back', async (name) => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const { child, done } = net.rs.start(under(badIp(agent, 'slow', '^address add'), agent.argv('apply')));
      await untilBusy(agent, 'real');
      if (child.pid !== undefined) signal(child.pid, name);
      expectCode(await done, 4);
      expect(snapshot(net.rs)).toEqual(before);
      expectCode(agent.run('apply'), 0);
    });
  });

  it('a second one ends it at once, and the next apply goes on', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const { child, done } = net.rs.start(under(badIp(agent, 'slow', '^address add'), agent.argv('apply')));
      await untilBusy(agent, 'real');
      if (child.pid !== undefined) signal(child.pid, 'SIGTERM');
      await sleep(200);
      const asked = performance.now();
      if (child.pid !== undefined) signal(child.pid, 'SIGTERM');
      const outcome = await done;
      expect(performance.now() - asked).toBeLessThan(1000);
      expect([4, 130, 143, null]).toContain(outcome.code);
      await sleep(1400);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

/** Until the slow `ip` has begun: its marker file is there. */
async function untilBusy(agent: Agent, what: string): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 20) {
    if (agent.host.run(['test', '-e', agent.file(`bad-ip/${what}.busy`)]).code === 0) return;
    await sleep(20);
  }
  throw new Error('the slow ip was never called');
}
