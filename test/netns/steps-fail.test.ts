// Every kind of step fails once: on a fresh host, on one that leaks, on one that serves. What the run had done is taken back,
// but for what keeps the VIP from leaking, and no leak opens that was not there before.
import { describe, expect, it } from 'vitest';
import { badIp, contrary, type Fault, under, unwritable } from '../support/faults.ts';
import { type Host, VIP, VIP6, withNetwork } from '../support/netns.ts';
import { must, type Outcome, sleep } from '../support/process.ts';
import { type Agent, agentOn, expectCode, findingsOf, parseReport, verifyIds } from '../support/rsprep.ts';
import { type Snapshot, snapshot } from '../support/snapshot.ts';
import { startFlood } from '../support/tools.ts';

const config = { version: 1, vips: [VIP, VIP6] };
const remove = ['remove', '--drain-wait', '0s'] as const;

type GroundName = 'fresh' | 'leaking' | 'live' | 'on-a-nic';

interface Ground {
  readonly name: GroundName;
  readonly prepare: (rs: Host) => void;
  /** Whether the host claims the VIP before anything is done. */
  readonly leaks: boolean;
  /** What verify still shows after a good apply. */
  readonly advice: readonly string[];
  readonly options: readonly string[];
}

const grounds: readonly Ground[] = [
  {
    name: 'fresh',
    leaks: false,
    advice: [],
    options: [],
    prepare: (rs) => rs.batch(['addr add 192.0.2.9/32 dev lo', 'addr add 192.0.2.10/24 dev eth0']),
  },
  {
    name: 'leaking',
    leaks: true,
    advice: [`vip-scope@${VIP}`],
    options: [],
    prepare: (rs) => {
      rs.batch([`addr add ${VIP}/32 dev lo`, `addr add ${VIP}/24 dev lo`, 'addr add 192.0.2.9/32 dev lo']);
      rs.arp('default', 'arp_ignore', 4);
      rs.arp('eth0', 'arp_ignore', 3);
      rs.arp('eth0', 'arp_announce', 3);
    },
  },
  {
    name: 'live',
    leaks: false,
    advice: [`vip-scope@${VIP}`],
    options: [],
    prepare: (rs) => {
      rs.arp('all', 'arp_announce', 2);
      rs.arp('all', 'arp_ignore', 1);
      rs.batch([`addr add ${VIP}/32 dev lo label lo:0`, 'addr add 192.0.2.9/32 dev lo', 'link set lo down']);
    },
  },
  {
    name: 'on-a-nic',
    leaks: true,
    advice: [],
    options: ['--take-from-nic'],
    prepare: (rs) => rs.batch([`addr add ${VIP}/24 dev eth0`, 'addr add 192.0.2.9/32 dev lo']),
  },
];

interface Breakage {
  readonly name: string;
  readonly fault: (agent: Agent) => Fault;
  /** Exit code on each ground where apply comes to that step: 4 rolled back, 5 not quite, 77 refused before anything changed. */
  readonly codes: Partial<Record<GroundName, number>>;
}

const everywhere = { fresh: 4, leaking: 4, live: 4, 'on-a-nic': 4 };

const sysctl = (scope: string, key: string, codes: Breakage['codes']): Breakage => ({
  name: `writing ${scope}/${key}`,
  fault: () => unwritable(scope, key),
  codes,
});

const ip = (name: string, pattern: string, codes: Breakage['codes']): Breakage => ({
  name,
  fault: (agent) => badIp(agent, 'fail', pattern),
  codes,
});

const breakages: readonly Breakage[] = [
  sysctl('all', 'arp_announce', { fresh: 4, leaking: 4, 'on-a-nic': 4 }),
  sysctl('all', 'arp_ignore', { fresh: 77, leaking: 77, live: 77, 'on-a-nic': 77 }),
  sysctl('default', 'arp_announce', everywhere),
  sysctl('default', 'arp_ignore', everywhere),
  sysctl('eth0', 'arp_announce', { leaking: 4 }),
  sysctl('eth0', 'arp_ignore', { leaking: 4 }),
  { name: 'reading back all/arp_announce', fault: () => contrary('all', 'arp_announce'), codes: everywhere },
  { name: 'reading back all/arp_ignore', fault: () => contrary('all', 'arp_ignore'), codes: everywhere },
  ip('setting lo up', 'link set dev lo up', { live: 4 }),
  ip('adding the IPv4 VIP', `^address add ${VIP}/`, { fresh: 4, 'on-a-nic': 4 }),
  ip('adding the IPv6 VIP', `^address add ${VIP6}/`, everywhere),
  ip('deleting a wide duplicate', `^address del ${VIP}/24 dev lo`, { leaking: 4 }),
  ip('taking the VIP off the NIC', `^address del ${VIP}/24 dev eth0`, { 'on-a-nic': 4 }),
  {
    name: 'reading the addresses back, once,',
    fault: (agent) => badIp(agent, 'fail', '^-j (-d )?address show', 1),
    codes: everywhere,
  },
  // Nobody can tell any more what is there: not taken back, and said so; the VIP may stand, so what keeps it silent stays.
  ip('reading the addresses back', '^-j (-d )?address show', { fresh: 5, leaking: 5, live: 5, 'on-a-nic': 5 }),
];

for (const ground of grounds) {
  describe(`on a host that is ${ground.name}`, () => {
    for (const { name, fault, codes } of breakages) {
      const code = codes[ground.name];
      if (code !== undefined) it(`${name} fails`, () => failOnce(ground, fault, code));
    }

    it('persisting fails: nothing else is taken back, and it is said', async () => {
      await withNetwork((net) => {
        ground.prepare(net.rs);
        const agent = agentOn(net, net.rs, config);
        // Room for bytes, and for no more files than the mount point itself: creating one is ENOSPC.
        const folder = agent.file('etc/sysctl.d');
        must(['mount', '-t', 'tmpfs', '-o', 'size=4m,nr_inodes=1,mode=755', 'none', folder]);
        net.onEnd(() => void must(['umount', folder]));
        const outcome = expectCode(agent.run('apply', ...ground.options, '--format', 'json'), 2);
        expect(findingsOf(outcome).map(({ id }) => id)).toEqual(['persist-sysctl', ...ground.advice]);
        expect(outcome.stdout).toContain('ENOSPC');
        must(['mount', '-o', 'remount,nr_inodes=100', folder]);
        expectCode(agent.run('apply', ...ground.options), 0);
        expect(verifyIds(agent)).toEqual({ code: 0, ids: ground.advice });
      });
    });
  });
}

async function failOnce(ground: Ground, fault: Breakage['fault'], code: number): Promise<void> {
  await withNetwork(async (net) => {
    ground.prepare(net.rs);
    const agent = agentOn(net, net.rs, config);
    const before = snapshot(net.rs);
    const flood = await startFlood(net, { ratePerS: 20_000 });

    const outcome = net.rs.run(under(fault(agent), agent.argv('apply', ...ground.options, '--format', 'json')), {
      timeoutMs: 60_000,
    });
    expectCode(outcome, code);
    if (code !== 5) expectTakenBack(outcome, before, snapshot(net.rs), ground);
    else expect([net.rs.arp('all', 'arp_ignore'), net.rs.arp('all', 'arp_announce')]).toEqual([1, 2]);
    expectForeignThere(net.rs);

    await sleep(100);
    if (!ground.leaks) expect(await flood.mark()).toMatchObject({ replies: 0, requestsWithSenderVip: 0 });
    const good = expectCode(agent.run('apply', ...ground.options, '--format', 'json'), 0);
    expect(findingsOf(good).map(({ id }) => id)).toEqual(ground.advice);
    const settled = await flood.mark();
    expectCode(agent.run(...remove), 0);
    expectForeignThere(net.rs);
    const last = await flood.stop();
    // From the apply that went through, nothing any more.
    expect([last.replies, last.requestsWithSenderVip]).toEqual([settled.replies, settled.requestsWithSenderVip]);
    expect(last.kernelDrops).toBe(0);
    if (ground.name === 'fresh') expect(snapshot(net.rs)).toEqual(before);
  });
}

describe('steps of remove that fail', () => {
  const undone = [
    { what: 'deleting the IPv4 VIP', fault: (agent: Agent) => badIp(agent, 'fail', `^address del ${VIP}/`), code: 4 },
    { what: 'deleting the IPv6 VIP', fault: (agent: Agent) => badIp(agent, 'fail', `^address del ${VIP6}/`), code: 4 },
    {
      what: 'reading the addresses back, once',
      fault: (agent: Agent) => badIp(agent, 'fail', '^-j (-d )?address show', 1),
      code: 4,
    },
    { what: 'writing all/arp_announce', fault: () => unwritable('all', 'arp_announce'), code: 4 },
    { what: 'writing all/arp_ignore', fault: () => unwritable('all', 'arp_ignore'), code: 77 },
    { what: 'writing default/arp_ignore', fault: () => unwritable('default', 'arp_ignore'), code: 4 },
  ];
  it.each(undone)('$what: everything is put back', async ({ fault, code }) => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      const applied = snapshot(net.rs);
      const flood = await startFlood(net, { ratePerS: 20_000 });
      const outcome = net.rs.run(under(fault(agent), agent.argv(...remove)), { timeoutMs: 60_000 });
      expectCode(outcome, code);
      expect(inAnyOrder(snapshot(net.rs))).toEqual(inAnyOrder(applied));
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
      expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0, kernelDrops: 0 });
    });
  });
});

describe('a step of remove that is done, and then cannot be seen', () => {
  // The fourth time it is opened: observed, read before, written, read back.
  const unseen = (key: string): string[] => [
    ...['strace', '-f', '-qq', '-o', '/dev/null', '-P', `/proc/sys/net/ipv4/conf/all/${key}`],
    ...['-e', 'trace=openat', '-e', 'inject=openat:error=EIO:when=4'],
  ];

  it.each(['arp_ignore', 'arp_announce'])(
    'reading all/%s back fails: set again before the VIP is put back',
    async (key) => {
      await withNetwork(async (net) => {
        const agent = agentOn(net, net.rs, config);
        expectCode(agent.run('apply'), 0);
        const applied = snapshot(net.rs);
        const flood = await startFlood(net, { ratePerS: 20_000 });
        const outcome = net.rs.run([...unseen(key), ...agent.argv(...remove)], { timeoutMs: 60_000 });
        expect(expectCode(outcome, 4).stderr).toMatch(/cannot be read back: .*EIO.*everything .* was put back/);
        expect(inAnyOrder(snapshot(net.rs))).toEqual(inAnyOrder(applied));
        await sleep(100);
        expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0, kernelDrops: 0 });
        expectCode(agent.run(...remove), 0);
      });
    },
  );
});

/** The first state, less what is `kept` because going back would leak. */
function expectTakenBack(outcome: Outcome, before: Snapshot, after: Snapshot, ground: Ground): void {
  const { steps = [] } = parseReport(outcome) as { steps?: readonly { status: string }[] };
  const kept = steps.filter(({ status }) => status === 'kept');
  if (kept.length === 0) {
    expect(after).toEqual(before);
    return;
  }
  expect(ground.leaks, 'only a host that leaks has anything worth keeping').toBe(true);
  expect(after.routes.filter((route) => !route.includes(VIP))).toEqual(
    before.routes.filter((route) => !route.includes(VIP)),
  );
}

/** A deleted address that is put back comes last. */
const inAnyOrder = (state: Snapshot): Snapshot => ({ ...state, addresses: state.addresses.toSorted() });

function expectForeignThere(rs: Host): void {
  expect(rs.ip('-o addr show dev lo')).toContain('192.0.2.9/32');
  expect(rs.ip('route show default')).toContain('via 10.0.0.50');
}
