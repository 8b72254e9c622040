// apply --confirm: undone unless confirmed, whatever dies in between; nothing survives a reboot before it is confirmed.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { badIp, under } from '../support/faults.ts';
import { type Host, type Network, VIP, VIP6, withNetwork } from '../support/netns.ts';
import { killTree, signal, sleep } from '../support/process.ts';
import { type Agent, agentOn, expectCode, findingsOf, verifyIds } from '../support/rsprep.ts';
import { type Snapshot, snapshot } from '../support/snapshot.ts';
import { startFlood } from '../support/tools.ts';

const config = { version: 1, vips: [VIP, VIP6] };
const SECONDS = '2';
const PERSISTED = 'etc/sysctl.d/99-zz-rsprep.conf';

interface Stage {
  readonly net: Network;
  readonly agent: Agent;
  readonly rs: Host;
  readonly before: Snapshot;
}

/** Under a flood: whatever happens about the confirmation, the VIP is never claimed. */
async function onStage(act: (stage: Stage) => Promise<void>): Promise<void> {
  await withNetwork(async (net) => {
    const agent = agentOn(net, net.rs, config);
    const flood = await startFlood(net, { ratePerS: 20_000 });
    await act({ net, agent, rs: net.rs, before: snapshot(net.rs) });
    expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0, kernelDrops: 0 });
  });
}

const held = (rs: Host): boolean => rs.ip('-o addr show dev lo').includes(`${VIP}/32`);

/** Waits until the VIP is off the host; fails after the time given. */
async function untilTakenBack(rs: Host, withinMs = 6000): Promise<void> {
  for (let waited = 0; waited < withinMs; waited += 50) {
    if (!held(rs)) return;
    await sleep(50);
  }
  throw new Error(`nobody took the VIP back within ${withinMs} ms`);
}

/** It sleeps until its time even where nothing is left to do. */
function killWatchdog(rs: Host): void {
  for (const pid of rs.pids()) killTree(pid);
}

/** The VIPs go first, the sysctls after them: a moment later all of it is as it was. */
async function expectFirstState({ rs, before, agent }: Stage): Promise<void> {
  for (let waited = 0; waited < 2000 && rs.pids().length > 0; waited += 50) await sleep(50);
  expect(snapshot(rs)).toEqual(before);
  expect(existsSync(agent.file(PERSISTED))).toBe(false);
}

describe('apply --confirm', () => {
  it('confirmed in time: it stays, and is persisted only then', async () => {
    await onStage(async (stage) => {
      const { agent, rs, before } = stage;
      expectCode(agent.run('apply', '--confirm', SECONDS), 0);
      expect(held(rs)).toBe(true);
      expect(existsSync(agent.file(PERSISTED))).toBe(false);
      expectCode(agent.run('confirm'), 0);
      expect(existsSync(agent.file(PERSISTED))).toBe(true);
      await sleep(2200);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('remove'), 0);
      expect(snapshot(rs)).toEqual(before);
    });
  });

  it('not confirmed: everything goes back, and confirm then says that it is too late', async () => {
    await onStage(async (stage) => {
      expectCode(stage.agent.run('apply', '--confirm', SECONDS), 0);
      const begun = performance.now();
      await untilTakenBack(stage.rs);
      expect(performance.now() - begun).toBeGreaterThan(1000);
      await expectFirstState(stage);
      const late = expectCode(stage.agent.run('confirm'), 1);
      expect(late.stdout + late.stderr).toMatch(/taken back/);
      expectCode(stage.agent.run('apply'), 0);
      expect(verifyIds(stage.agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('taken back at once on request', async () => {
    await onStage(async (stage) => {
      expectCode(stage.agent.run('apply', '--confirm', '60'), 0);
      expectCode(stage.agent.run('confirm', '--revert'), 0);
      killWatchdog(stage.rs);
      await expectFirstState(stage);
    });
  });

  it('rsprep killed in the middle: what it had done goes back all the same', async () => {
    await onStage(async (stage) => {
      const { agent, rs } = stage;
      const slow = under(badIp(agent, 'slow', '^address add'), agent.argv('apply', '--confirm', SECONDS));
      const { child, done } = rs.start(slow);
      while (!existsSync(agent.file('bad-ip/real.busy'))) await sleep(20);
      expect(rs.arp('all', 'arp_ignore')).toBe(1);
      if (child.pid !== undefined) signal(child.pid, 'SIGKILL');
      await done;
      for (let waited = 0; waited < 6000 && rs.arp('all', 'arp_ignore') !== 0; waited += 100) await sleep(100);
      await expectFirstState(stage);
    });
  });

  it('the whole session of the shell killed: it goes back all the same', async () => {
    await onStage(async (stage) => {
      const { agent, rs } = stage;
      // What a terminal that closes does at its worst: every process of the session that it can find is killed.
      const shell = rs.start([
        'setsid',
        '--wait',
        'sh',
        '-c',
        '"$@"; echo applied; sleep 60',
        'sh',
        ...agent.argv('apply', '--confirm', SECONDS),
      ]);
      await new Promise<void>((resolve) => {
        shell.child.stdout?.on('data', (text: string) => text.includes('applied') && resolve());
      });
      expect(held(rs)).toBe(true);
      if (shell.child.pid !== undefined) killTree(shell.child.pid);
      await shell.done;
      expect(held(rs)).toBe(true);
      await untilTakenBack(rs);
      await expectFirstState(stage);
    });
  });

  it('the watchdog killed too: the next run takes it back, and says so', async () => {
    await onStage(async (stage) => {
      const { agent, rs } = stage;
      expectCode(agent.run('apply', '--confirm', '1'), 0);
      killWatchdog(rs);
      await sleep(1500);
      expect(held(rs)).toBe(true);
      const verified = agent.run('verify');
      expect(verified.stdout + verified.stderr).toMatch(/confirm/);
      const late = expectCode(agent.run('confirm'), 1);
      expect(late.stdout + late.stderr).toMatch(/too late/);
      await expectFirstState(stage);
    });
  });

  it('after a reboot there is nothing of it, and boot does not apply it', async () => {
    await onStage(async (stage) => {
      const { agent, rs } = stage;
      expectCode(agent.run('apply', '--confirm', '60'), 0);
      const ledger = readFileSync(agent.file('var/lib/rsprep/state.json'), 'utf8');
      expect(existsSync(agent.file(PERSISTED))).toBe(false);
      // Another boot id, and a kernel that has forgotten everything: a new network namespace in the old one's place.
      const otherBoot = [
        `echo 00000000-0000-4000-8000-000000000000 > ${agent.file('boot_id')}`,
        `mount --bind ${agent.file('boot_id')} /proc/sys/kernel/random/boot_id`,
      ];
      rs.batch([`addr del ${VIP}/32 dev lo`, `addr del ${VIP6}/128 dev lo`]);
      for (const scope of ['default', 'all', 'eth0', 'lo']) {
        rs.arp(scope, 'arp_ignore', 0);
        rs.arp(scope, 'arp_announce', 0);
      }
      expect(snapshot(rs)).toEqual(stage.before);
      expect(ledger).toContain('unconfirmed');
      const boot = expectCode(rs.run(under(otherBoot, agent.argv('apply', '--boot'))), 0);
      expect(boot.stdout + boot.stderr).toMatch(/never confirmed/);
      expect(snapshot(rs)).toEqual(stage.before);
      expect(existsSync(agent.file(PERSISTED))).toBe(false);
      killWatchdog(rs);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('with nothing to do arms nothing', async () => {
    await onStage(async ({ agent, rs }) => {
      expectCode(agent.run('apply'), 0);
      expectCode(agent.run('apply', '--confirm', '1'), 0);
      expect(rs.pids()).toEqual([]);
      await sleep(1500);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('confirm'), 1);
    });
  });

  it('with the configuration from standard input: confirm needs none', async () => {
    await onStage(async ({ agent, rs }) => {
      const words = agent.argv('apply', '--confirm', SECONDS);
      const fromStdin = words.map((word) => (word === agent.configFile ? '-' : word));
      expectCode(rs.run(fromStdin, { input: JSON.stringify(config) }), 0);
      expectCode(agent.run('confirm'), 0);
      killWatchdog(rs);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('keeps other changes out while it waits', async () => {
    await onStage(async (stage) => {
      const { agent, rs } = stage;
      expectCode(agent.run('apply', '--confirm', '60'), 0);
      const second = expectCode(agent.run('apply'), 75);
      expect(second.stdout + second.stderr).toMatch(/rsprep confirm/);
      expectCode(agent.run('confirm', '--revert'), 0);
      killWatchdog(rs);
      await expectFirstState(stage);
    });
  });

  it('an added VIP goes back to the configuration that was applied before, which stays', async () => {
    await onStage(async ({ agent, rs }) => {
      expectCode(agent.run('apply'), 0);
      const first = snapshot(rs);
      agent.configure({ version: 1, vips: [VIP, VIP6, '10.0.0.101'] });
      expectCode(agent.run('apply', '--confirm', '1'), 0);
      expect(rs.ip('-o addr show dev lo')).toContain('10.0.0.101/32');
      await sleep(1300);
      for (let waited = 0; waited < 5000 && rs.ip('-o addr show dev lo').includes('10.0.0.101/32'); waited += 50)
        await sleep(50);
      for (let waited = 0; waited < 2000 && rs.pids().length > 0; waited += 50) await sleep(50);
      expect(snapshot(rs)).toEqual(first);
      agent.configure(config);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('drains a VIP with an established connection before it takes it away', async () => {
    await onStage(async ({ agent, rs, net }) => {
      expectCode(agent.run('apply', '--confirm', '1'), 0);
      const server = rs.start([
        'node',
        '-e',
        `require('net').createServer((s) => s.on('error', () => {})).listen(8080, '${VIP}', () => console.log('up'))`,
      ]);
      await new Promise<void>((resolve) => server.child.stdout?.on('data', () => resolve()));
      const client = net.client.start([
        'node',
        '-e',
        `const s = require('net').connect(8080, '${VIP}', () => console.log('up')); s.on('error', () => {})`,
      ]);
      await new Promise<void>((resolve) => client.child.stdout?.on('data', () => resolve()));
      await sleep(2500);
      expect(held(rs)).toBe(true);
      expect(readFileSync(agent.file('var/lib/rsprep/overrides.json'), 'utf8')).toContain('drain');
      if (client.child.pid !== undefined) signal(client.child.pid, 'SIGKILL');
      await untilTakenBack(rs);
      if (server.child.pid !== undefined) signal(server.child.pid, 'SIGKILL');
      await Promise.all([client.done, server.done]);
    });
  });
});

describe('--confirm on a host that leaks', () => {
  it('does not go back to the leak', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net);
      net.rs.ip(`addr add ${VIP}/32 dev lo`);
      expectCode(agent.run('apply', '--confirm', '1'), 0);
      const flood = await startFlood(net);
      await sleep(3000);
      expect(await flood.stop()).toMatchObject({ replies: 0, requestsWithSenderVip: 0 });
      expect(held(net.rs)).toBe(true);
      const ids = findingsOf(agent.run('verify', '--format', 'json')).map(({ id }) => id);
      expect(ids.filter((id) => id.startsWith('arp'))).toEqual([]);
    });
  });
});
