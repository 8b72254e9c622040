// No flap: a real server that serves goes on serving while rsprep takes it over. A client sends 20 000 requests a second to
// the VIP, numbers each and misses none.
import { describe, expect, it } from 'vitest';
import { type Host, type Network, VIP, VIP6, withNetwork } from '../support/netns.ts';
import { type Agent, agentOn, type Config, expectCode, plainConfig, verifyIds } from '../support/rsprep.ts';
import { type EchoOptions, type LoadCounters, startEcho, startLoad } from '../support/tools.ts';

const RATE_PER_S = 20_000;

interface Served {
  readonly config?: Config;
  readonly to?: string;
  readonly echo?: EchoOptions;
  readonly prepare: (rs: Host) => void;
}

/** The load's counters once `work` is done; verify must then find nothing, or only `advice`. */
async function underLoad(
  given: Served,
  work: (agent: Agent, net: Network) => void,
  advice: readonly string[] = [],
): Promise<LoadCounters> {
  return withNetwork(async (net) => {
    given.prepare(net.rs);
    const agent = agentOn(net, net.rs, given.config ?? plainConfig);
    const echo = await startEcho(net, given.echo);
    const load = await startLoad(net, { to: given.to ?? VIP, ratePerS: RATE_PER_S });
    net.rs.must(['sleep', '0.3']);
    work(agent, net);
    net.rs.must(['sleep', '0.3']);
    const counters = await load.stop();
    await echo.stop();
    expect(verifyIds(agent)).toEqual({ code: 0, ids: advice });
    return counters;
  });
}

function expectNoneLost(counters: LoadCounters): void {
  expect(counters).toMatchObject({ lost: 0, wrongSource: 0, duplicates: 0, sendErrors: 0 });
  expect(counters.sent).toBeGreaterThan(RATE_PER_S / 2);
}

/** What the widely copied scripts leave on a host. */
const handMade = (rs: Host): void => {
  for (const scope of ['all', 'lo']) {
    rs.arp(scope, 'arp_announce', 2);
    rs.arp(scope, 'arp_ignore', 1);
  }
  rs.ip(`addr add ${VIP}/32 dev lo label lo:0`);
};

const lo0 = (rs: Host): unknown => JSON.parse(rs.ip(`-j addr show dev lo to ${VIP}`));

describe('under 20 000 requests a second to the VIP', () => {
  it('would see a flap: a VIP deleted and added again loses requests', async () => {
    const counters = await underLoad({ prepare: handMade }, (agent, { rs }) => {
      rs.ip(`addr del ${VIP}/32 dev lo`);
      rs.ip(`addr add ${VIP}/32 dev lo label lo:rsprep scope host`);
      expectCode(agent.run('apply'), 0);
    });
    expect(counters.lost).toBeGreaterThan(0);
  });

  it('adopts a hand-made lo:0 VIP of scope global as it is, and again', async () => {
    const counters = await underLoad(
      { prepare: handMade },
      (agent, { rs }) => {
        const address = lo0(rs);
        expectCode(agent.run('apply'), 0);
        expectCode(agent.run('apply'), 0);
        expect(lo0(rs)).toEqual(address);
      },
      [`vip-scope@${VIP}`],
    );
    expectNoneLost(counters);
  });

  it('fixes the sysctls of a leaking host that serves', async () => {
    const counters = await underLoad(
      { prepare: (rs) => rs.ip(`addr add ${VIP}/32 dev lo`) },
      (agent) => {
        expectCode(agent.run('apply'), 0);
      },
      [`vip-scope@${VIP}`],
    );
    expectNoneLost(counters);
  });

  it.each([
    { name: 'a secondary /24 of eth0', add: `addr add ${VIP}/24 dev eth0`, echo: {} },
    { name: 'a /32 on eth0', add: `addr add ${VIP}/32 dev eth0`, echo: {} },
    {
      name: 'a /32 on eth0, the server bound to it',
      add: `addr add ${VIP}/32 dev eth0`,
      echo: { bind: VIP, pktinfo: false },
    },
  ])('moves the VIP from $name to lo', async ({ add, echo }) => {
    const counters = await underLoad({ prepare: (rs) => rs.ip(add), echo }, (agent) => {
      expectCode(agent.run('apply', '--take-from-nic'), 0);
    });
    expectNoneLost(counters);
  });

  it('narrows a VIP/24 on lo to /32 beside another route to the client', async () => {
    // With VIP/24 on lo the host takes its client for itself; a host route (as keepalived sites have them) hides that.
    const prepare = (rs: Host): void => {
      handMade(rs);
      rs.batch([`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/24 dev lo`, 'route add table local 10.0.0.50 dev eth0']);
    };
    const counters = await underLoad({ prepare }, (agent) => {
      expectCode(agent.run('apply'), 0);
    });
    expectNoneLost(counters);
  });

  it('moves an IPv6 VIP from a NIC to lo', async () => {
    const counters = await underLoad(
      {
        config: { version: 1, vips: [VIP6] },
        to: VIP6,
        echo: { bind: '::' },
        prepare: (rs) => rs.ip(`addr add ${VIP6}/64 dev eth0 nodad`),
      },
      (agent) => {
        expectCode(agent.run('apply', '--take-from-nic'), 0);
      },
    );
    expectNoneLost(counters);
  });
});
