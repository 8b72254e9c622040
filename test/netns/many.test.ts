// A thousand VIPs: by a few processes, and with what was really done known after a failure in the middle.
import { describe, expect, it } from 'vitest';
import { badIp, under } from '../support/faults.ts';
import { type Host, withNetwork } from '../support/netns.ts';
import { agentOn, expectCode, parseReport, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { startFlood } from '../support/tools.ts';

const FIRST = '10.0.4.1';
const vips = Array.from({ length: 1000 }, (_, i) => `10.0.${4 + Math.floor((i + 1) / 256)}.${(i + 1) % 256}`);
const config = { version: 1, vips };

function vipsOn(rs: Host): readonly string[] {
  const [lo] = JSON.parse(rs.ip('-j addr show dev lo')) as readonly {
    addr_info: readonly { local: string; prefixlen: number }[];
  }[];
  return (lo?.addr_info ?? [])
    .filter(({ local, prefixlen }) => prefixlen === 32 && local !== '127.0.0.1')
    .map(({ local }) => local);
}

describe('1 000 VIPs', () => {
  it('go on, are verified and go off again, unseen by an ARP flood', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const flood = await startFlood(net, { vip: FIRST, vips: 1000, seconds: 60 });
      expectCode(agent.run('apply'), 0);
      expect(vipsOn(net.rs).toSorted()).toEqual(vips.toSorted());
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('apply'), 0);
      expectCode(agent.run('remove'), 0);
      expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0, kernelDrops: 0 });
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('brings back the one that is missing, and no other is touched', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      const state = snapshot(net.rs);
      net.rs.ip(`addr del ${vips[500]}/32 dev lo`);
      expect(verifyIds(agent)).toEqual({ code: 2, ids: [`vip-missing@${vips[500]}`] });
      expectCode(agent.run('apply'), 0);
      expect(snapshot(net.rs).addresses.toSorted()).toEqual(state.addresses.toSorted());
    });
  });

  it.each([
    { what: 'the first', at: 0 },
    { what: 'one in the middle', at: 503 },
    { what: 'the last', at: 999 },
  ])('are all taken back when $what cannot be added', async ({ at }) => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const fault = badIp(agent, 'fail', `^address add ${vips[at]}/`);
      const outcome = net.rs.run(under(fault, agent.argv('apply', '--format', 'json')), { timeoutMs: 60_000 });
      expectCode(outcome, 4);
      expect(statuses(outcome.stdout)).toMatchObject({ failed: 1, undone: expect.any(Number) });
      expect(snapshot(net.rs)).toEqual(before);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('says what stayed when neither adding nor taking back works', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const fault = badIp(agent, 'fail', `^address add ${vips[503]}/|^address del ${vips[100]}/`);
      const outcome = net.rs.run(under(fault, agent.argv('apply')), { timeoutMs: 60_000 });
      expectCode(outcome, 5);
      expect(outcome.stdout + outcome.stderr).toContain('Operation not permitted');
      // What could not be taken back stays protected.
      expect(vipsOn(net.rs).length).toBeGreaterThan(0);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(1);
      expect(net.rs.arp('all', 'arp_announce')).toBe(2);
      expectCode(agent.run('remove'), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

function statuses(json: string): Readonly<Record<string, number>> {
  const { steps } = parseReport({ code: 4, signal: null, stdout: json, stderr: '' }) as {
    steps?: readonly { status: string }[];
  };
  const counts: Record<string, number> = {};
  for (const { status } of steps ?? []) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
