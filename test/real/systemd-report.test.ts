// A booted Debian with systemd, cron and the health responder: who is told what, when.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, sleep } from '../support/process.ts';
import { bundle } from '../support/rsprep.ts';
import { installRsprep, rsprep, VIP } from './support/installed.ts';
import { fullyBooted, MACHINE_MAC, startMachine } from './support/machine.ts';
import { type Host, type Lan, makeLan } from './support/net.ts';
import type { Guest } from './support/uml.ts';

const TEXTFILE = '/var/lib/prometheus/node-exporter/rsprep.prom';
const CONFIG = `version: 1
vips: [${VIP}]
rip: 10.0.0.11
directors: [10.0.0.2]
responder: {stopGrace: 3s}
report: {textfile: ${TEXTFILE}}
`;
/** hostfs knows one owner: where the user rsprep writes there has to be a file system that knows more. */
const FSTAB = ['/var/lib/rsprep/report', '/var/lib/prometheus/node-exporter']
  .map((path) => `tmpfs ${path} tmpfs mode=755 0 0\n`)
  .join('');
/** Delivers to a file, as a mail system would. */
const SENDMAIL = '#!/bin/sh\ncat > /dev/shm/part.$$ && mv /dev/shm/part.$$ /dev/shm/mail.$(date +%s)\n';
const FAST_TIMER = '[Timer]\nOnBootSec=\nOnCalendar=\nOnCalendar=*:*:0/2\nAccuracySec=100ms\nRandomizedDelaySec=0\n';

let lan: Lan;
let machine: Guest;
let director: Host;

beforeAll(async () => {
  lan = makeLan();
  director = lan.host('director', '10.0.0.2/24');
  director.run('ip', 'neigh', 'replace', VIP, 'lladdr', MACHINE_MAC, 'dev', 'eth0', 'nud', 'permanent');
  director.run('ip', 'route', 'replace', `${VIP}/32`, 'dev', 'eth0');
  machine = await startMachine(lan, {
    name: 'machine',
    address: '10.0.0.11/24',
    files: {
      '/etc/fstab': FSTAB,
      '/usr/sbin/sendmail': SENDMAIL,
      '/etc/systemd/system/rsprep-report.timer.d/fast.conf': FAST_TIMER,
    },
  });
  await fullyBooted(machine);
  await installRsprep(machine, CONFIG);
  const applied = await rsprep(machine, 'apply');
  if (applied.code !== 0) throw new Error(`apply: ${applied.stdout}${applied.stderr}`);
}, 300_000);

afterAll(async () => {
  await machine?.stop();
  lan?.remove();
});

const leak = async (): Promise<string> => await machine.ok('sysctl -qw net.ipv4.conf.all.arp_ignore=0');
const fix = async (): Promise<string> => await machine.ok('sysctl -qw net.ipv4.conf.all.arp_ignore=1');
const runs = async (): Promise<{ exit: number; new?: unknown[]; gone?: unknown[] }[]> =>
  (await machine.ok('cat /var/lib/rsprep/report/*.jsonl'))
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const inSync = async (): Promise<string> => (await machine.sh(`grep ^rsprep_in_sync ${TEXTFILE}`)).stdout.trim();
/** Waits for `count` further runs. */
async function moreRuns(count: number, timeoutMs: number): Promise<void> {
  const before = (await runs()).length;
  const end = Date.now() + timeoutMs;
  while ((await runs()).length < before + count) {
    if (Date.now() > end) throw new Error(`no ${count} further runs within ${timeoutMs} ms`);
    await sleep(500);
  }
}

describe('the timer', () => {
  it('reports: journal, metrics, and one message for drift, one when it is gone', async () => {
    await machine.ok('systemctl daemon-reload; systemctl restart rsprep-report.timer');
    const said = async (word: string): Promise<number> =>
      Number((await machine.sh(`journalctl -b -u rsprep-report -o cat | grep -c '^${word} '`)).stdout);
    await machine.ok(': > /dev/null; until ls /var/lib/rsprep/report/journal.jsonl; do sleep 0.5; done', {
      timeoutMs: 40_000,
    });
    await moreRuns(1, 40_000);
    expect(await inSync()).toBe('rsprep_in_sync 1');
    // It may have run between install and apply, and has then told that as well.
    const runsBefore = (await runs()).length;
    const saidBefore = [await said('NEW'), await said('GONE')] as const;
    await leak();
    await moreRuns(3, 60_000);
    expect(await inSync()).toBe('rsprep_in_sync 0');
    expect(await machine.ok('systemctl --failed --no-legend')).toBe(''); // an exit of 2 is no failed unit
    await fix();
    await moreRuns(3, 60_000);
    expect(await inSync()).toBe('rsprep_in_sync 1');
    await machine.ok('systemctl stop rsprep-report.timer');
    const since = (await runs()).slice(runsBefore);
    expect(since.filter((one) => one.new)).toHaveLength(1);
    expect(since.filter((one) => one.gone)).toHaveLength(1);
    expect([await said('NEW'), await said('GONE')]).toEqual(saidBefore.map((count) => count + 1));
  });

  it('its user may write neither the ledger nor the configuration', async () => {
    for (const path of ['/var/lib/rsprep/state.json', '/var/lib/rsprep/overrides.json', '/etc/rsprep/rsprep.yaml'])
      expect(
        (await machine.sh(`setpriv --reuid=rsprep --regid=rsprep --clear-groups sh -c 'echo x >> ${path}'`)).code,
      ).not.toBe(0);
    expect(await machine.ok(`stat -c %U /var/lib/rsprep/report/journal.jsonl ${TEXTFILE}`)).toBe('rsprep\nrsprep\n');
  });
});

describe('cron', () => {
  /**
   * cron looks at the clock when it starts, and then once a minute. So that nobody waits for minutes, the guest's clock jumps
   * to just before the next one and cron starts anew: it runs what is due then.
   */
  const aRun = async (): Promise<void> => {
    const before = (await runs()).length;
    await machine.ok(`date -s "$(date -d '+1 minute' '+%F %H:%M:58')" && systemctl restart cron`);
    await expect.poll(async () => (await runs()).length, { timeout: 50_000, interval: 500 }).toBe(before + 1);
  };

  it('mails once when drift begins and once when it is gone', async () => {
    await machine.ok(
      `/opt/node/node /share/package/dist/rsprep.cjs install --cron --node /opt/node/node
       sed -i 's|^\\*/5 |* |' /etc/cron.d/rsprep && systemctl restart cron`,
      { timeoutMs: 60_000 },
    );
    expect(await machine.ok('systemctl is-enabled rsprep-report.timer || true')).toBe('disabled\n');
    await aRun();
    await leak();
    await aRun();
    await aRun();
    await fix();
    await aRun();
    await sleep(1000);
    const names = (await machine.ok('ls /dev/shm')).trim().split('\n').sort();
    expect(names).toEqual([expect.stringMatching(/^mail\.\d+$/), expect.stringMatching(/^mail\.\d+$/)]);
    const first = await machine.ok(`cat /dev/shm/${names[0]}`);
    const second = await machine.ok(`cat /dev/shm/${names[1]}`);
    expect(first).toMatch(/^To: root$/m);
    expect(first).toMatch(/NEW +CRITICAL arp-ignore@all/);
    expect(second).toMatch(/GONE CRITICAL arp-ignore@all/);
    await machine.ok('rm /etc/cron.d/rsprep');
  });
});

describe('the responder', () => {
  const ask = (address: string) =>
    run(['ip', 'netns', 'exec', director.netns, process.execPath, bundle, 'ask', address, '--timeout', '300ms']);
  const state = async (): Promise<string> => (await machine.sh('systemctl is-active rsprep-responder')).stdout.trim();

  it('runs as its own user, without a capability, and answers from the VIP', async () => {
    await machine.ok('systemctl start rsprep-responder');
    await expect.poll(() => ask(VIP).code, { timeout: 30_000, interval: 500 }).toBe(0);
    expect(ask('10.0.0.11').code).toBe(0);
    expect(ask(VIP).stdout).toContain(`from ${VIP}`);
    const status = await machine.ok('cat /proc/$(systemctl show -P MainPID rsprep-responder)/status');
    const uid = (await machine.ok('id -u rsprep')).trim();
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}`, 'm'));
    expect(status).toMatch(/^CapEff:\s+0+$/m);
  });

  it('goes silent first when it is stopped', async () => {
    const stopping = machine.sh('systemctl stop rsprep-responder', { timeoutMs: 30_000 });
    await expect.poll(state, { timeout: 5000, interval: 100 }).toBe('deactivating');
    await sleep(500);
    const silent = ask(VIP).code !== 0;
    const still = await state(); // asked after: the process was there while it said nothing
    expect({ silent, still }).toEqual({ silent: true, still: 'deactivating' });
    await stopping;
    expect(await state()).toBe('inactive');
  });
});

describe('uninstall', () => {
  it('refuses while VIPs are there, and then leaves nothing', async () => {
    expect((await rsprep(machine, 'install --uninstall')).code).toBe(1);
    expect((await rsprep(machine, 'remove --force')).code).toBe(0);
    await machine.ok('umount /var/lib/rsprep/report');
    await machine.ok('/opt/node/node /usr/lib/rsprep/rsprep.cjs install --uninstall --purge', { timeoutMs: 60_000 });
    const left = await machine.ok(
      `find / -xdev -name '*rsprep*' -not -path '/rsprep*' -not -path '/opt/rsprep*' -not -path '/share/*' -not -path '/proc/*' -not -path '/sys/*'; id rsprep 2>&1 || true; systemctl --failed --no-legend`,
    );
    // The directory of the test's own drop-in, and the one the metrics were written to.
    expect(left.split('\n').filter((line) => !/fast\.conf|rsprep-report\.timer\.d|node-exporter/.test(line))).toEqual([
      expect.stringContaining('no such user'),
      '',
    ]);
  });
});
