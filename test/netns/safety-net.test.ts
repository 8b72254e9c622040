// What takes back an apply that nobody confirmed goes on until it has: no other user can hold the lock against it, and a lock that
// is held, a missing ip(8) or a clock that is set do not end it.
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { badIp, under } from '../support/faults.ts';
import { type Host, VIP, withNetwork } from '../support/netns.ts';
import { killTree, type Outcome, signal, sleep } from '../support/process.ts';
import { type Agent, agentOn, expectCode, verifyIds } from '../support/rsprep.ts';

const config = { version: 1, vips: [VIP] };
const held = (rs: Host): boolean => rs.ip('-o addr show dev lo').includes(`${VIP}/32`);

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (isSo()) return;
    await sleep(100);
  }
  throw new Error(`not within a minute: ${what}`);
}

/** Holds the lock as a program of its own does, until it is told to end. */
async function holding(rs: Host, file: string, as: readonly string[]): Promise<() => Promise<unknown>> {
  const { child, done } = rs.start([...as, 'flock', file, 'sh', '-c', 'echo held; exec sleep 600']);
  await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  return () => {
    if (child.pid !== undefined) killTree(child.pid);
    return done;
  };
}

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const lockOf = (agent: Agent): string => agent.file('run/rsprep/lock');

describe('the lock', () => {
  it('of an earlier version, held by somebody else, keeps nothing from its work', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      mkdirSync(dirname(lockOf(agent)), { recursive: true });
      chmodSync(dirname(lockOf(agent)), 0o755);
      chmodSync(agent.root, 0o755);
      writeFileSync(lockOf(agent), '');
      chmodSync(lockOf(agent), 0o644);
      const letGo = await holding(net.rs, lockOf(agent), NOBODY);
      for (const words of [
        ['apply'],
        ['apply', '--boot'],
        ['apply', '--heal'],
        ['drain', '--reason', 'x'],
        ['resume'],
        ['remove'],
      ])
        expectCode(agent.run(...words), 0);
      await letGo();
      expect([statSync(lockOf(agent)).mode & 0o777, statSync(dirname(lockOf(agent))).mode & 0o777]).toEqual([
        0o600, 0o700,
      ]);
    });
  });
});

describe('the watchdog', () => {
  it.each([
    ['the lock is held', (agent: Agent) => holding(agent.host, lockOf(agent), [])],
    ['ip(8) fails twice', async () => async () => undefined],
  ])('goes on after a failure: %s', async (what, fault) => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const failing = what.startsWith('ip') ? badIp(agent, 'fail', '^address del', 2) : [];
      expectCode(net.rs.run(under(failing, agent.argv('apply', '--confirm', '1'))), 0);
      const letGo = await fault(agent);
      const waits = (): readonly number[] => net.rs.pids().filter((pid) => commandOf(pid).startsWith('flock\0-w'));
      if (failing.length === 0) {
        await until('the watchdog waits for the lock', () => waits().length > 0);
        // The end of its patience, before a minute has passed.
        for (const pid of waits()) signal(pid, 'SIGKILL');
        await until('it has begun again', () => waits().length > 0);
        expect(held(net.rs)).toBe(true);
      }
      await letGo();
      await until('taken back', () => !held(net.rs) && net.rs.pids().length === 0);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(0);
    });
  });
});

describe('confirm', () => {
  const within = (agent: Agent, script: string, ...words: string[]): Outcome =>
    agent.host.run(['sh', '-c', `${script}; exec "$@"`, 'sh', ...agent.argv(...words)]);

  it('works in a working directory that was deleted', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const gone = 'cd "$(mktemp -d)"; rmdir "$PWD"';
      expectCode(within(agent, gone, 'apply', '--confirm', '60'), 0);
      expectCode(within(agent, gone, 'confirm'), 0);
      await until('the watchdog has ended', () => net.rs.pids().length === 0);
      expect([held(net.rs), verifyIds(agent)]).toEqual([true, { code: 0, ids: [] }]);
    });
  });

  it.each([18, 19, 20, 21, 22])(
    'with %i descriptors says that it is not confirmed, and may be tried again',
    async (most) => {
      await withNetwork(async (net) => {
        const agent = agentOn(net, net.rs, config);
        expectCode(agent.run('apply', '--confirm', '60'), 0);
        const watchdog = net.rs.pids();
        // Node itself has 17, and ip(8) is started with three pipes.
        const { code, stderr } = within(agent, `ulimit -n ${most}`, 'confirm');
        expect([code, stderr]).toEqual([1, expect.stringMatching(/nothing is confirmed|cannot (open|lock)/)]);
        expect([net.rs.pids(), held(net.rs)]).toEqual([watchdog, true]);
        expectCode(agent.run('confirm'), 0);
        expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      });
    },
  );

  it('waits for a rollback that is under way, and says what came of it', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      const slow = under(badIp(agent, 'slow', '^address del'), agent.argv('apply', '--confirm', '1'));
      expectCode(net.rs.run(slow), 0);
      await until('it is being taken back', () => existsSync(agent.file('bad-ip/real.busy')));
      const late = expectCode(agent.run('confirm'), 1);
      expect(late.stderr).toMatch(/nothing waits for a confirmation: .* was taken back/);
      await until('the watchdog has ended', () => net.rs.pids().length === 0);
      expect(held(net.rs)).toBe(false);
    });
  });

  it('twice at once: one confirms, and the other says that nothing waits', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply', '--confirm', '60'), 0);
      const both = await Promise.all([agent.start({}, 'confirm').done, agent.start({}, 'confirm').done]);
      expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
      expect(both.find(({ code }) => code === 1)?.stderr).toMatch(/nothing waits/);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });
});

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it has ended
  }
};
