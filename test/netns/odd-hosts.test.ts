// Hosts and callers that are not as in the book: wide prefixes shared by two VIPs, addresses that expire, no IPv6, long names,
// a VIP that is the primary of its NIC, a strict umask, a pipe that nobody reads, a terminal that goes away.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { badIp, lateLocalRoute, under } from '../support/faults.ts';
import { RIP, VIP, VIP6, withNetwork } from '../support/netns.ts';
import { signal, sleep } from '../support/process.ts';
import { agentOn, expectCode, findingsOf, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { startEcho, startLoad } from '../support/tools.ts';

const SECOND = '10.0.0.101';

describe('addresses', () => {
  it('two VIPs in one wide prefix: both end as /32, and neither is lost on the way', async () => {
    await withNetwork(async (net) => {
      // The second is a secondary of the first: deleting the first takes it along while promote_secondaries=0.
      net.rs.batch([
        'route add table local 10.0.0.50 dev eth0',
        `addr add ${VIP}/24 dev lo`,
        `addr add ${SECOND}/24 dev lo`,
      ]);
      const agent = agentOn(net, net.rs, { version: 1, vips: [VIP, SECOND] });
      net.client.ip(`neigh replace ${SECOND} lladdr ${net.rs.mac} dev eth0 nud permanent`);
      const echo = await startEcho(net);
      const loads = await Promise.all([
        startLoad(net, { to: VIP, ratePerS: 8000 }),
        startLoad(net, { to: SECOND, ratePerS: 8000 }),
      ]);
      await sleep(200);
      expectCode(agent.run('apply'), 0);
      await sleep(200);
      for (const load of loads) expect(await load.stop()).toMatchObject({ lost: 0, wrongSource: 0 });
      await echo.stop();
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expect(net.rs.ip('-o addr show dev lo')).not.toContain('/24');
    });
  });

  it('a VIP/8, as ifconfig without a netmask makes it', async () => {
    await withNetwork((net) => {
      net.rs.ip(`addr add ${VIP}/8 dev lo label lo:0`);
      const agent = agentOn(net);
      expect(verifyIds(agent).ids).toContain(`vip-prefix@${VIP}`);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it.each([
    { vip: VIP, bits: 32 },
    { vip: VIP6, bits: 128 },
  ])('$vip with a lifetime that ends: lives for ever after apply', async ({ vip, bits }) => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { version: 1, vips: [vip] });
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      net.rs.ip(`addr change ${vip}/${bits} dev lo valid_lft 300 preferred_lft 0`);
      expect(verifyIds(agent).ids).toEqual([`vip-expires@${vip}`]);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expect(net.rs.ip(`addr show dev lo to ${vip}`)).toContain('valid_lft forever');
      expectCode(agent.run('remove'), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('a device whose name leaves no room for a label: the ledger alone knows whose the VIP is', async () => {
    await withNetwork((net) => {
      const device = 'fifteen-bytes-x';
      net.rs.batch([
        `link add name ${device} type bridge`,
        `link set ${device} addrgenmode none`,
        `link set ${device} up`,
      ]);
      const agent = agentOn(net, net.rs, { version: 1, vips: [{ address: VIP, device }] });
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('remove'), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('a VIP that is the primary of its NIC, the RIP its secondary: moved to lo without a request lost', async () => {
    await withNetwork(async (net) => {
      net.rs.batch([
        `addr del ${RIP}/24 dev eth0`,
        `addr add ${VIP}/24 brd + dev eth0`,
        `addr add ${RIP}/24 brd + dev eth0`,
        'route replace default via 10.0.0.50',
      ]);
      net.rs.arp('eth0', 'promote_secondaries', 1);
      const agent = agentOn(net, net.rs, { version: 1, vips: [VIP], rip: RIP });
      const echo = await startEcho(net);
      const load = await startLoad(net);
      await sleep(200);
      expectCode(agent.run('apply', '--take-from-nic'), 0);
      await sleep(200);
      expect(await load.stop()).toMatchObject({ lost: 0, wrongSource: 0 });
      await echo.stop();
      expect(net.rs.ip('-o -4 addr show dev eth0')).toContain(`${RIP}/24`);
      expect(net.rs.ip('route show default')).toContain('via 10.0.0.50');
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });
});

describe('interfaces', () => {
  it('one that appeared after apply inherited its settings, and loses them with remove', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      net.rs.batch([
        'link add name eth9 type veth peer name peer9',
        'link set eth9 up',
        'addr add 192.0.2.9/24 dev eth9',
      ]);
      expect(net.rs.arp('eth9', 'arp_ignore')).toBe(1);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('remove'), 0);
      for (const scope of ['all', 'default', 'eth0', 'eth9', 'peer9']) {
        expect([scope, net.rs.arp(scope, 'arp_ignore'), net.rs.arp(scope, 'arp_announce')]).toEqual([scope, 0, 0]);
      }
    });
  });

  it('IPv6 switched off: an IPv4 VIP is no problem, an IPv6 VIP is refused or taken back, and said', async () => {
    await withNetwork((net) => {
      net.rs.must([
        'sh',
        '-c',
        'for c in all default lo eth0; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done',
      ]);
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('remove'), 0);
      expect(snapshot(net.rs)).toEqual(before);
      agent.configure({ version: 1, vips: [VIP, VIP6] });
      const outcome = expectCode(agent.run('apply'), 4, 78);
      expect(outcome.stdout + outcome.stderr).toMatch(/ipv6/i);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('a sysctl that another program keeps writing: apply fails or says so, and never claims that all is well', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net);
      const enemy = net.rs.start(['sh', '-c', 'while :; do echo 0 >/proc/sys/net/ipv4/conf/all/arp_announce; done']);
      const outcome = agent.run('apply', '--format', 'json');
      const after = agent.run('verify', '--format', 'json');
      if (enemy.child.pid !== undefined) signal(enemy.child.pid, 'SIGKILL');
      await enemy.done;
      expectCode(outcome, 2, 4);
      expect(outcome.stdout).toContain('arp_announce');
      expect(findingsOf(after).map(({ id }) => id)).toContain('arp-announce@all');
    });
  });
});

describe('callers', () => {
  it('a strict umask: what apply writes can still be read by verify as nobody', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(net.rs.run(['sh', '-c', 'umask 077; exec "$@"', 'sh', ...agent.argv('apply')]), 0);
      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const outcome = expectCode(net.rs.run([...nobody, ...agent.argv('verify', '--format', 'json')]), 0);
      expect(findingsOf(outcome)).toEqual([]);
    });
  });

  it.each(['apply', 'verify', 'remove'])(
    '%s into a pipe that nobody reads: done, with no stack trace',
    async (word) => {
      await withNetwork((net) => {
        const agent = agentOn(net);
        if (word !== 'apply') expectCode(agent.run('apply'), 0);
        const script = '{ "$@"; echo "exit $?" >&2; } | :';
        const { stderr } = net.rs.run(['sh', '-c', script, 'sh', ...agent.argv(word, '-v')]);
        // 141 is what a shell reports for a program that SIGPIPE ended: nobody read the answer, but the work is done.
        expect(stderr).toMatch(/exit (0|141)$/m);
        expect(stderr).not.toMatch(/at .*\.cjs|EPIPE/);
        expect(net.rs.ip('-o addr show dev lo').includes(VIP)).toBe(word !== 'remove');
      });
    },
  );

  it.each(['>&-', '2>&-', '<&-'])('apply with a closed descriptor (%s)', async (closed) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(net.rs.run(['sh', '-c', `exec "$@" ${closed}`, 'sh', ...agent.argv('apply')]), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      // The configuration, the ledger and the kernel are what was written to, and not what took the number of the closed one.
      expect(readFileSync(agent.configFile, 'utf8')).toContain(VIP);
      expect(() => JSON.parse(readFileSync(agent.file('var/lib/rsprep/state.json'), 'utf8'))).not.toThrow();
    });
  });

  it('apply waits for the local route of an IPv6 VIP, which the kernel adds a moment after the address', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { version: 1, vips: [VIP, VIP6] });
      expectCode(net.rs.run(under(lateLocalRoute(agent, VIP6), agent.argv('apply'))), 0);
      expect(existsSync(agent.file('late-ip/real.late'))).toBe(true);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('a terminal that goes away in the middle of apply: done or taken back, not left half-done', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const { child, done } = net.rs.start(under(badIp(agent, 'slow', '^address add'), agent.argv('apply')));
      while (!existsSync(agent.file('bad-ip/real.busy'))) await sleep(20);
      if (child.pid !== undefined) signal(child.pid, 'SIGHUP');
      const { code } = await done;
      expect([0, 4]).toContain(code);
      if (code === 4) expect(snapshot(net.rs)).toEqual(before);
      else expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });
});

describe('write-ahead', () => {
  it('the ledger is on the disk before the first change of the kernel', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const log = agent.file('trace');
      const strace = [
        'strace',
        '-f',
        '-y',
        '-qq',
        '-o',
        log,
        '-e',
        'trace=openat,fsync,rename,renameat,renameat2,write,pwrite64,sendmsg,sendto',
      ];
      expectCode(net.rs.run([...strace, ...agent.argv('apply')]), 0);
      const lines = readFileSync(log, 'utf8').split('\n');
      const first = (pattern: RegExp, from = 0): number =>
        lines.findIndex((line, index) => index >= from && pattern.test(line));
      // The temporary file, whose name nobody can guess.
      const synced = first(/fsync\(\d+<[^>]*\/rsprep\/[^>]+>/);
      const renamed = first(/rename.*"[^"]*state\.json"/, synced);
      const folderSynced = first(/fsync\(\d+<[^>]*\/rsprep>/, renamed);
      const sysctl = first(/write\w*\(\d+<\/proc\/sys\/net/);
      const address = first(/RTM_NEWADDR/);
      expect([synced, renamed, folderSynced, sysctl, address].every((index) => index >= 0)).toBe(true);
      expect([synced, renamed, folderSynced, sysctl, address]).toEqual(
        [synced, renamed, folderSynced, sysctl, address].toSorted((a, b) => a - b),
      );
    });
  });
});
