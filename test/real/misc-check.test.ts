// keepalived with MISC_CHECK, as rendered: it runs the program that ships, `rsprep ask`, put on the director as
// docs/with-keepalived.md says, against rsprep's responder on each real server.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Farm, leavesAndReturns, startFarm } from './support/farm.ts';

const VIP = '10.0.0.100';
const INTERVAL_MS = 500;
/** Node starts slowly in the guest: a run of the program takes it so long, and those for both real servers must leave it time to forward. */
const RUN_MS = 3000;
const ASK_EVERY_MS = 3 * RUN_MS;
/** Two looks of the agent, then keepalived: its delay_loop, and two runs of the program, each waits 0.5 s for an answer. */
const LEAVES_WITHIN_MS = 2 * INTERVAL_MS + ASK_EVERY_MS + 2 * (RUN_MS + 500);
/** For a busy machine. */
const GRACE_MS = 5000;

let farm: Farm;

beforeAll(async () => {
  farm = await startFarm({
    ...{ vips: [VIP], protocols: ['udp'], port: 5353, intervalMs: INTERVAL_MS },
    ...{ render: ['--check', 'misc'], askEveryMs: ASK_EVERY_MS, patienceMs: 60_000 },
    // The first start reads the program from the host.
    prepare: (director) =>
      director.ok('ln -s /opt/rsprep/rsprep.cjs /usr/bin/rsprep; ln -s /opt/node/node /usr/bin/node; rsprep --version'),
  });
}, 300_000);
afterAll(() => farm?.remove());

it('asks by the program, as an ordinary user, and nothing else', async () => {
  expect(farm.rendered.match(/^ +misc_path "\/usr\/bin\/rsprep ask --keepalived /gm)).toHaveLength(2);
  expect(farm.rendered).not.toContain('UDP_CHECK');
  // Who runs it, seen while it runs. keepalived follows the link to the program.
  await farm.director.ok('until pgrep -u nobody -f "rsprep([.]cjs)? ask"; do sleep 0.02; done', { timeoutMs: 10_000 });
  expect((await farm.director.sh('pgrep -u root -f "rsprep([.]cjs)? ask"')).stdout).toBe('');
});

it.each([
  {
    name: 'the VIP is deleted',
    strike: (it: Farm) => it.servers[1].run('ip', 'address', 'del', `${VIP}/32`, 'dev', 'lo'),
    fix: (it: Farm) => it.agents[1].run('apply'),
    serves: false,
  },
  {
    name: 'it is drained',
    strike: (it: Farm) => it.agents[1].run('drain', '--reason', 'new disk'),
    fix: (it: Farm) => it.agents[1].run('resume', 'drain'),
    serves: true,
  },
])('a real server leaves when $name, and comes back', async (fault) => {
  const { leftMs } = await leavesAndReturns(farm, fault);
  expect(leftMs).toBeLessThan(LEAVES_WITHIN_MS + GRACE_MS);
});
