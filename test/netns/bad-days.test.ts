// Full disks, read-only folders, broken ledgers, vanishing interfaces, an `ip` that hangs or prints rubbish: each run ends in
// bounded time, with the right exit code, and says what it met.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { badIp, missingIp, readOnly, under } from '../support/faults.ts';
import { VIP, withNetwork } from '../support/netns.ts';
import { must } from '../support/process.ts';
import { agentOn, expectCode, findingsOf, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';

const remove = ['remove', '--drain-wait', '0s'] as const;
const LEDGER = 'var/lib/rsprep/state.json';

describe('files', () => {
  it.each([0, 4, 16])('a disk with %i KiB left: refused or done, never half-done', async (kib) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      must(['mount', '-t', 'tmpfs', '-o', `size=${kib + 16}k,mode=755`, 'none', agent.file('var/lib')]);
      net.onEnd(() => void must(['umount', agent.file('var/lib')]));
      writeFileSync(agent.file('var/lib/ballast'), Buffer.alloc(16 * 1024));
      const outcome = agent.run('apply');
      expectCode(outcome, 1);
      expect(outcome.stdout + outcome.stderr).toMatch(/KiB|ENOSPC|no space/i);
      expect(snapshot(net.rs)).toEqual(before);
      rmSync(agent.file('var/lib/ballast'));
      // Remove has nothing to take back, and says so instead of failing.
      expectCode(agent.run(...remove), 0);
    });
  });

  it('a disk that fills up after apply: remove still takes the VIP off, or refuses before it changes anything', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      must(['mount', '-t', 'tmpfs', '-o', 'size=3m,mode=755', 'none', agent.file('var/lib')]);
      net.onEnd(() => void must(['umount', agent.file('var/lib')]));
      expectCode(agent.run('apply'), 0);
      const applied = snapshot(net.rs);
      must(['sh', '-c', 'dd if=/dev/zero of="$0" bs=4k 2>/dev/null || true', agent.file('var/lib/ballast')]);
      const outcome = agent.run(...remove);
      expect(snapshot(net.rs)).toEqual(outcome.code === 0 ? before : applied);
      if (outcome.code !== 0) expect(outcome.stdout + outcome.stderr).toMatch(/KiB|ENOSPC|no space/i);
      rmSync(agent.file('var/lib/ballast'));
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('a limit of file sizes that the ledger does not fit in: never a part of it, and what was there before stays', async () => {
    await withNetwork((net) => {
      const vips = Array.from({ length: 40 }, (_, n) => `10.0.9.${n + 1}`);
      const agent = agentOn(net, net.rs, { version: 1, vips });
      const before = snapshot(net.rs);
      // dash counts in 512 bytes: 2 KiB.
      const limited = (...words: string[]) =>
        net.rs.run(['sh', '-c', 'ulimit -f 4; exec "$@"', 'sh', ...agent.argv(...words)]);
      const refused = limited('apply');
      expect(expectCode(refused, 1).stderr).toContain('EFBIG');
      expect(snapshot(net.rs)).toEqual(before);
      expect(existsSync(agent.file(LEDGER))).toBe(false);
      expectCode(agent.run('apply'), 0);
      const [ledger, applied] = [readFileSync(agent.file(LEDGER), 'utf8'), snapshot(net.rs)];
      expect(limited(...remove).code).toBe(1);
      expect(readFileSync(agent.file(LEDGER), 'utf8')).toBe(ledger);
      expect(snapshot(net.rs)).toEqual(applied);
      expect(readdirSync(agent.file('var/lib/rsprep'))).toEqual(['state.json']);
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('what a killed run left half-written goes with the next run, also with one that changes nothing', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const folders = ['var/lib/rsprep', 'etc/sysctl.d', 'var/lib/rsprep/report'].map((folder) => agent.file(folder));
      mkdirSync(agent.file('var/lib/rsprep/report'), { recursive: true });
      // Of an earlier boot.
      const left = `.rsprep-1-00000000-${'0'.repeat(32)}`;
      for (const folder of folders) writeFileSync(`${folder}/${left}`, 'half');
      expectCode(agent.run('apply'), 0);
      for (const folder of folders) expect(readdirSync(folder)).not.toContain(left);
    });
  });

  it('a working directory that was deleted: every command does what it does elsewhere', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const gone = agent.file('gone');
      const script = 'mkdir "$1" && cd "$1" && rmdir "$1" && shift && exec "$@"';
      const run = (...words: string[]) => net.rs.run(['sh', '-c', script, 'sh', gone, ...agent.argv(...words)]);
      expectCode(run('apply', '--confirm', '300'), 0, 3);
      expectCode(run('confirm'), 0);
      expectCode(run('verify'), 0);
      expectCode(run('report'), 0);
      expectCode(run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('read-only /etc: a fresh host is refused, and nothing changes', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const outcome = net.rs.run(under(readOnly(agent.file('etc')), agent.argv('apply')));
      expectCode(outcome, 1, 77);
      expect(outcome.stdout + outcome.stderr).toMatch(/99-zz-rsprep\.conf.*(read-only|EROFS)/i);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('read-only /etc without a sysctl.d, as the unit has it: boot prepares the host, and says what the next one lacks', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      rmSync(agent.file('etc/sysctl.d'), { recursive: true, force: true });
      const outcome = net.rs.run(under(readOnly(agent.file('etc')), agent.argv('apply', '--boot')));
      expectCode(outcome, 2);
      expect(outcome.stdout).toMatch(/failed +write \/etc\/sysctl\.d\/99-zz-rsprep\.conf/);
      expect(net.rs.run(['ip', '-o', 'address', 'show', 'dev', 'lo']).stdout).toContain(`${VIP}/32`);
      expect(net.rs.run(['cat', '/proc/sys/net/ipv4/conf/all/arp_ignore']).stdout).toBe('1\n');
    });
  });

  it('read-only /etc: a leaking host is fixed all the same, and what will not survive a boot is said', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      net.rs.ip(`addr add ${VIP}/32 dev lo`);
      const outcome = net.rs.run(under(readOnly(agent.file('etc')), agent.argv('apply', '--format', 'json')));
      expectCode(outcome, 2);
      expect(findingsOf(outcome)).toMatchObject([
        { id: 'persist-sysctl', cause: 'persisted' },
        { id: `vip-scope@${VIP}`, severity: 'advice' },
      ]);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(1);
      expect(net.rs.arp('all', 'arp_announce')).toBe(2);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [`vip-scope@${VIP}`] });
    });
  });

  it('a pipe where a file is read: not waited for, and never taken for an empty file', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      must(['mkfifo', agent.file('etc/sysctl.d/zzz.conf')]);
      expect(expectCode(agent.run('verify'), 1).stdout).toContain('zzz.conf: it is a pipe, not a file');
      rmSync(agent.file('etc/sysctl.d/zzz.conf'));
      rmSync(agent.file(LEDGER));
      must(['mkfifo', agent.file(LEDGER)]);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: ['ledger@file'] });
      expect(expectCode(agent.run('apply'), 1).stderr).toMatch(/it is a pipe.*move it out of the way/s);
    });
  });

  it('/var that cannot be written: refused, and nothing changes', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const outcome = net.rs.run(under(readOnly(agent.file('var')), agent.argv('apply')));
      expectCode(outcome, 1, 77);
      expect(outcome.stdout + outcome.stderr).toMatch(/ledger.*(read-only|EROFS)/i);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it.each(['full', 'read-only'])(
    '/var that is %s: a leak whose values the ledger has is closed all the same',
    async (how) => {
      await withNetwork((net) => {
        const agent = agentOn(net);
        must(['mount', '-t', 'tmpfs', '-o', 'size=256k,mode=755', 'none', agent.file('var/lib')]);
        net.onEnd(() => void must(['umount', agent.file('var/lib')]));
        expectCode(agent.run('apply'), 0);
        const ledger = readFileSync(agent.file(LEDGER), 'utf8');
        if (how === 'full')
          must(['sh', '-c', 'dd if=/dev/zero of="$0" bs=4k 2>/dev/null || true', agent.file('var/lib/fill')]);
        else must(['mount', '-o', 'remount,ro', agent.file('var/lib')]);
        for (const words of [['apply', '--heal'], ['apply'], ['apply', '--boot']]) {
          net.rs.arp('all', 'arp_ignore', 0);
          net.rs.arp('all', 'arp_announce', 0);
          const said = expectCode(agent.run(...words), 1).stderr;
          expect(said).toMatch(/cannot write the ledger.*(KiB|EROFS).*what closes the leak was set all the same/);
          expect([net.rs.arp('all', 'arp_ignore'), net.rs.arp('all', 'arp_announce')]).toEqual([1, 2]);
          expect(readFileSync(agent.file(LEDGER), 'utf8')).toBe(ledger);
        }
      });
    },
  );

  it('/run that cannot be written: refused, and nothing changes', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const outcome = net.rs.run(under(readOnly(agent.file('run')), agent.argv('apply')));
      expectCode(outcome, 1, 77);
      expect(outcome.stdout + outcome.stderr).toMatch(/lock/);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

describe('the ledger', () => {
  it.each([
    ['cut off in the middle', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['of another shape', () => '{"format":1,"addresses":"all of them"}'],
  ])('%s: set aside, nothing deleted; apply makes a new one from the kernel', async (_name, damage) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const applied = snapshot(net.rs);
      writeFileSync(agent.file(LEDGER), damage(readFileSync(agent.file(LEDGER), 'utf8')));
      expectCode(agent.run(...remove), 1);
      expect(snapshot(net.rs)).toEqual(applied);
      expect(readdirSync(agent.file('var/lib/rsprep')).some((name) => name.includes('.bad'))).toBe(true);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run(...remove), 0);
      expect(net.rs.ip('-o addr show dev lo')).not.toContain(VIP);
    });
  });

  it('deleted: the label says whose the VIP is; apply adopts it, remove takes it off', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      rmSync(agent.file(LEDGER));
      expect(verifyIds(agent).ids.filter((id) => !id.startsWith('ledger'))).toEqual([]);
      const refused = expectCode(agent.run(...remove), 1).stderr;
      expect(refused).toContain(
        `${VIP}/32 on lo, labelled lo:rsprep; /etc/sysctl.d/99-zz-rsprep.conf: nothing was deleted`,
      );
      expectCode(agent.run('apply'), 0);
      const removed = expectCode(agent.run(...remove), 0).stdout;
      expect(net.rs.ip('-o addr show dev lo')).not.toContain(VIP);
      expect(existsSync(agent.file('etc/sysctl.d/99-zz-rsprep.conf'))).toBe(false);
      expect(removed).toContain('net/ipv4/conf/all/arp_ignore = 1 was set before rsprep’s ledger began: it stays');
      expect(expectCode(agent.run(...remove), 0).stdout).not.toContain('prepared');
    });
  });

  it.each([
    ['cut off in the middle', (text: string) => text.slice(0, text.length / 2), 1],
    ['of a newer version', (text: string) => text.replace('"format":2', '"format":9'), 1],
    ['gone', () => null, 1],
  ])('%s: heal and boot do not know what was applied, and say so', async (_name, damage, code) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const text = damage(readFileSync(agent.file(LEDGER), 'utf8'));
      if (text === null) rmSync(agent.file(LEDGER));
      else writeFileSync(agent.file(LEDGER), text);
      net.rs.arp('all', 'arp_ignore', 0);
      expect(expectCode(agent.run('apply', '--heal'), code).stderr).toMatch(/corrupt|newer|there is no ledger, but/);
      expectCode(agent.run('confirm', '--revert'), 1);
      if (text === null) return;
      expect(expectCode(agent.run('apply', '--boot'), 1).stderr).toMatch(/never confirmed, so nothing was done/);
      expect(readFileSync(agent.file(LEDGER), 'utf8')).toBe(text);
    });
  });

  it('of a newer version: refused, and nothing changes', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const ledger = JSON.parse(readFileSync(agent.file(LEDGER), 'utf8')) as Record<string, unknown>;
      writeFileSync(agent.file(LEDGER), JSON.stringify({ ...ledger, format: 3 }));
      net.rs.ip(`addr del ${VIP}/32 dev lo`);
      const state = snapshot(net.rs);
      expect(expectCode(agent.run('apply'), 1).stderr).toMatch(/newer/);
      expectCode(agent.run(...remove), 1);
      expect(snapshot(net.rs)).toEqual(state);
    });
  });

  it('of format 1, as the version before wrote it: nothing to do, taken back when unconfirmed, removed to the state before', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const asBefore = (): string => {
        const text = readFileSync(agent.file(LEDGER), 'utf8')
          .replace(/"setting":\{"scope":"([^"]+)","key":"(\w+)"\}/g, '"path":["net","ipv4","conf","$1","$2"]')
          .replaceAll('"format":2', '"format":1');
        writeFileSync(agent.file(LEDGER), text);
        return text;
      };
      net.rs.arp('eth0', 'arp_ignore', 3);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply', '--confirm', '600'), 0);
      expect(asBefore()).toMatch(/"undo":.*"path":\[/);
      expectCode(agent.run('confirm', '--revert'), 0);
      expect(snapshot(net.rs)).toEqual(before);
      expectCode(agent.run('apply'), 0);
      const old = asBefore();
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run('apply'), 0);
      expect(readFileSync(agent.file(LEDGER), 'utf8')).toBe(old);
      // The next write is one of today's.
      net.rs.ip(`addr del ${VIP}/32 dev lo`);
      expectCode(agent.run('apply'), 0);
      expect(readFileSync(agent.file(LEDGER), 'utf8')).toMatch(/^\{"format":2,.*"setting":\{"scope":"eth0"/);
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('of another host: set aside, and what it claims is not taken for ours', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      writeFileSync(agent.file('etc/machine-id'), `${'a'.repeat(32)}\n`);
      expectCode(agent.run('apply'), 0);
      writeFileSync(agent.file('etc/machine-id'), `${'b'.repeat(32)}\n`);
      net.rs.batch([`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/32 dev lo label lo:0`]);
      expectCode(agent.run(...remove), 0, 1);
      expect(net.rs.ip('-o addr show dev lo')).toContain(VIP);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [`vip-scope@${VIP}`] });
    });
  });

  it('that lies: claims addresses and values which are not there, and takes away nothing foreign', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const ledger = JSON.parse(readFileSync(agent.file(LEDGER), 'utf8')) as {
        addresses: Record<string, unknown>[];
        sysctls: Record<string, unknown>[];
      };
      ledger.addresses.push({ device: 'eth7', ip: '203.0.113.9', prefixLength: 32, origin: 'added' });
      ledger.sysctls.push({ setting: { scope: 'eth7', key: 'arp_ignore' }, before: 0, set: 1 });
      writeFileSync(agent.file(LEDGER), JSON.stringify(ledger));
      expectCode(agent.run('apply'), 0);
      expectCode(agent.run(...remove), 0);
      expect(net.rs.ip('-o addr show dev lo')).not.toContain(VIP);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(0);
    });
  });

  it('from tomorrow, because the clock was set back: nothing changes about what is done', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
      const aged = readFileSync(agent.file(LEDGER), 'utf8').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, tomorrow);
      writeFileSync(agent.file(LEDGER), aged);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      net.rs.ip(`addr del ${VIP}/32 dev lo`);
      expectCode(agent.run('apply'), 0);
      expectCode(agent.run(...remove), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

describe('ip(8)', () => {
  const ways = [
    { trip: 'fail', pattern: 'address show', says: /Operation not permitted/ },
    { trip: 'hang', pattern: 'address show', says: /did not answer within/ },
    { trip: 'rubbish', pattern: 'address show', says: /JSON/ },
    { trip: 'killed', pattern: 'address show', says: /SIGKILL/ },
  ] as const;

  it.each(ways)('that does this when it is asked for addresses: $trip', async ({ trip, pattern, says }) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const state = snapshot(net.rs);
      const fault = badIp(agent, trip, pattern);
      for (const words of [['verify'], ['apply'], remove]) {
        const begun = performance.now();
        const outcome = net.rs.run(under(fault, agent.argv(...words, '--timeout', '400ms')), { timeoutMs: 20_000 });
        expectCode(outcome, 1);
        expect(outcome.stdout + outcome.stderr).toMatch(says);
        expect(performance.now() - begun).toBeLessThan(5000);
      }
      expect(snapshot(net.rs)).toEqual(state);
    });
  });

  it.each([
    { trip: 'hang', says: /did not answer within/ },
    { trip: 'rubbish', says: /does not show|expected/ },
    { trip: 'killed', says: /SIGKILL/ },
  ] as const)('that does this when it is to add the VIP: $trip', async ({ trip, says }) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const begun = performance.now();
      const argv = under(badIp(agent, trip, '^address add'), agent.argv('apply', '--timeout', '400ms'));
      const outcome = net.rs.run(argv, { timeoutMs: 20_000 });
      expectCode(outcome, 4);
      expect(outcome.stdout + outcome.stderr).toMatch(says);
      expect(performance.now() - begun).toBeLessThan(5000);
      expect(snapshot(net.rs)).toEqual(before);
      expectCode(agent.run('apply'), 0);
    });
  });

  it('that is not there: says which package has it', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const outcome = net.rs.run(under(missingIp(agent), agent.argv('apply')));
      expectCode(outcome, 1);
      expect(outcome.stdout + outcome.stderr).toMatch(/iproute2/);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

describe('interfaces', () => {
  it('one that vanishes half-way: apply ends with 0 or takes everything back', async () => {
    await withNetwork((net) => {
      const names = Array.from({ length: 40 }, (_, i) => `gone${i}`);
      net.rs.batch(names.map((name) => `link add name ${name} type bridge`));
      for (const name of names) net.rs.arp(name, 'arp_ignore', 3);
      const agent = agentOn(net);
      const vanish = names.map((name) => `link del ${name}`).join('\\n');
      const script = `(for i in 1 2 3 4 5 6; do sleep 0.05; done; printf '${vanish}\\n' | ip -force -batch -) & exec "$@"`;
      const outcome = net.rs.run(['sh', '-c', script, 'sh', ...agent.argv('apply')]);
      expectCode(outcome, 0, 4);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(agent.run(...remove), 0);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(0);
    });
  });
});
