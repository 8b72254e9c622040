// `rsprep install` into a folder: nothing that was edited is overwritten or lost, and nothing is left behind.
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../../../../src/cli/program.ts';
import { type Desired, emptyDesired } from '../../../../../src/core/model/desired.ts';
import { LEDGER_FORMAT } from '../../../../../src/core/model/ledger.ts';
import { type Ip, LO } from '../../../../../src/core/model/names.ts';
import { mentionsIn } from '../../../../../src/core/network/vip-files.ts';
import { Paths } from '../../../../../src/linux/files/paths.ts';
import { findHandMade } from '../../../../../src/linux/install/hand-made.ts';
import { lookInto } from '../../../../../src/linux/install/surroundings.ts';
import { observeVipFiles } from '../../../../../src/linux/observe/vip-files.ts';
import { needsRoot } from '../../../linux/files/support.ts';

const CHECKOUT = fileURLToPath(new URL('../../../../..', import.meta.url));
const TIMER = '/etc/systemd/system/rsprep-report.timer';
/** In memory where possible: an install waits for the disk after every file. */
const TEMPORARY = lstatSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ? '/dev/shm' : tmpdir();
let folder: string;
let root: string;
const at = (path: string): string => join(root, path);
/** A link that leads nowhere on this machine is there too. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
const text = (path: string): string => readFileSync(at(path), 'utf8');
const put = (path: string, content: string): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
};

beforeEach(() => {
  folder = mkdtempSync(join(TEMPORARY, 'rsp-install-'));
  root = join(folder, 'root');
  // A copy of rsprep such as npm makes: dist/ and units/ side by side.
  mkdirSync(join(folder, 'package/dist'), { recursive: true });
  writeFileSync(join(folder, 'package/dist/rsprep.cjs'), 'the program');
  for (const part of ['program', 'packages', 'probe-thread'])
    writeFileSync(join(folder, `package/dist/rsprep-${part}.cjs`), `its ${part}`);
  writeFileSync(join(folder, 'package/dist/rsprep-x64.node'), 'its addon');
  writeFileSync(join(folder, 'package/dist/THIRD-PARTY-NOTICES.txt'), 'its licences');
  cpSync(join(CHECKOUT, 'units'), join(folder, 'package/units'), { recursive: true });
  put('/usr/lib/systemd/systemd', '');
  put('/opt/node/bin/node', '');
  chmodSync(at('/opt/node/bin/node'), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  code: number;
  out: string;
  err: string;
}

const install = (...words: readonly string[]): Promise<Said> =>
  installFrom(join(folder, 'package/dist/rsprep.cjs'), ...words);

async function installFrom(program: string, ...words: readonly string[]): Promise<Said> {
  const said = { code: Number.NaN, out: '', err: '' };
  const node = words.some((word) => word === '--uninstall' || word === '--node')
    ? []
    : ['--node', '/opt/node/bin/node'];
  await runProgram(['--root', root, 'install', ...node, ...words], {
    out: (part) => {
      said.out += part;
    },
    err: (part) => {
      said.err += part;
    },
    setExitCode: (code) => {
      said.code = code;
    },
    ...{
      outIsTerminal: false,
      errIsTerminal: false,
      env: {},
      deferSignals: () => () => false,
      onStop: () => undefined,
    },
    self: [process.execPath, program],
  });
  return said;
}

/** Every file below the root that rsprep could have put there. */
const left = (): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => !statSync(at(name), { throwIfNoEntry: false })?.isDirectory())
    .filter(
      (name) =>
        !/^etc\/(passwd|group|g?shadow|\.pwd\.lock|[^/]*-)$/.test(name) &&
        !['usr/lib/systemd/systemd', 'opt/node/bin/node'].includes(name),
    )
    .sort();

describe('install', () => {
  it('puts program, units, sample, man page and completions in place, and enables apply and the timer', async () => {
    expect(await install()).toMatchObject({ code: 0, err: '' });
    expect(text('/usr/lib/rsprep/rsprep.cjs')).toBe('the program');
    expect(text('/usr/lib/rsprep/rsprep-program.cjs')).toBe('its program');
    expect(text('/usr/lib/rsprep/rsprep-packages.cjs')).toBe('its packages');
    expect(text('/usr/lib/rsprep/rsprep-probe-thread.cjs')).toBe('its probe-thread');
    expect(text('/usr/lib/rsprep/rsprep-x64.node')).toBe('its addon');
    expect(text('/usr/lib/rsprep/THIRD-PARTY-NOTICES.txt')).toBe('its licences');
    expect(statSync(at('/usr/bin/rsprep')).mode & 0o777).toBe(0o755);
    expect(text('/usr/bin/rsprep')).toContain("node='/opt/node/bin/node'");
    expect(text('/usr/share/man/man8/rsprep.8')).toContain('.TH RSPREP 8');
    expect(readlinkSync(at('/etc/systemd/system/multi-user.target.wants/rsprep-apply.service'))).toBe(
      '/etc/systemd/system/rsprep-apply.service',
    );
    expect(isThere(at('/etc/systemd/system/timers.target.wants/rsprep-report.timer'))).toBe(true);
    for (const off of ['timers.target.wants/rsprep-heal.timer', 'multi-user.target.wants/rsprep-responder.service'])
      expect(isThere(at(`/etc/systemd/system/${off}`))).toBe(false);
    expect(isThere(at('/etc/rsprep/rsprep.yaml'))).toBe(false);
    expect(isThere(at('/etc/cron.d/rsprep'))).toBe(false);
  });

  it('makes a code cache for each way Node is started, in place of older ones, and takes them away again', async () => {
    rmSync(join(folder, 'package/dist'), { recursive: true });
    cpSync(join(CHECKOUT, 'dist'), join(folder, 'package/dist'), { recursive: true });
    const caches = () => readdirSync(at('/usr/lib/rsprep')).filter((name) => name.includes('.cache'));
    await install();
    const old = 'rsprep-0123456789abcdef0123456789abcdef.cache';
    put(`/usr/lib/rsprep/${old}`, 'of another Node');
    put(`/usr/lib/rsprep/${old}.123`, 'half-written');
    expect(await install('--node', process.execPath)).toMatchObject({ code: 0, err: '' });
    expect(caches()).toHaveLength(2);
    expect(caches()).not.toContain(old);
    expect(await install('--uninstall')).toMatchObject({ code: 0 });
    expect(isThere(at('/usr/lib/rsprep'))).toBe(false);
  });

  it('the second time does nothing', async () => {
    await install();
    const before = left();
    const again = await install();
    expect(again.out).toMatch(/^\d+ files are already as they should be\n/);
    expect(left()).toEqual(before);
  });

  it('--dry-run writes nothing', async () => {
    expect((await install('--dry-run')).out).toContain('would do:\nwrite');
    expect(left()).toEqual([]);
  });

  it('--cron installs the cron entry instead of the timer, and switching takes the other away', async () => {
    await install();
    await install('--cron');
    expect(isThere(at('/etc/cron.d/rsprep'))).toBe(true);
    expect(isThere(at('/etc/systemd/system/timers.target.wants/rsprep-report.timer'))).toBe(false);
    expect(isThere(at('/etc/systemd/system/multi-user.target.wants/rsprep-apply.service'))).toBe(true);
    await install('--systemd');
    expect(isThere(at('/etc/cron.d/rsprep'))).toBe(false);
  });

  it('without systemd there are no units, and cron brings the VIPs up', async () => {
    rmSync(at('/usr/lib/systemd/systemd'));
    expect((await install()).code).toBe(0);
    expect(isThere(at('/etc/systemd'))).toBe(false);
    expect(text('/etc/cron.d/rsprep')).toContain('@reboot');
  });
});

describe('an upgrade', () => {
  const upgrade = (): void =>
    appendFileSync(join(folder, 'package/units/rsprep-report.timer'), '# of the next version\n');
  it('replaces what nobody edited', async () => {
    await install();
    upgrade();
    expect((await install()).out).toContain(`replace   ${TIMER}`);
    expect(text(TIMER)).toContain('# of the next version');
  });
  it('never overwrites an edited file: the new version goes beside it, and goes with the next uninstall', async () => {
    await install();
    appendFileSync(at(TIMER), '# by hand\n');
    const same = await install();
    expect(same.out).toContain(`keep      ${TIMER}: it was edited\n`);
    upgrade();
    for (let times = 0; times < 2; times += 1) {
      expect((await install()).out).toContain(`keep      ${TIMER}: it was edited; the new version is`);
      expect(text(TIMER)).toMatch(/# by hand\n$/);
      expect(text(`${TIMER}.rsprep-new`)).toContain('# of the next version');
    }
    await install('--uninstall');
    expect(left()).toEqual([`${TIMER.slice(1)}.rsprep-saved`]);
    expect(text(`${TIMER}.rsprep-saved`)).toMatch(/# by hand\n$/);
  });
  it('sets every edited file aside under a name of its own', async () => {
    for (const words of ['# first\n', '# second\n']) {
      await install();
      appendFileSync(at(TIMER), words);
      await install('--uninstall');
    }
    expect(text(`${TIMER}.rsprep-saved`)).toMatch(/# first\n$/);
    expect(text(`${TIMER}.rsprep-saved.2`)).toMatch(/# second\n$/);
  });
  it('has systemd hold the port of the configuration for the responder', async () => {
    const socket = '/etc/systemd/system/rsprep-responder.socket';
    const link = '/etc/systemd/system/sockets.target.wants/rsprep-responder.socket';
    await install();
    expect(text(socket)).toContain('\nListenDatagram=5300\n');
    expect(lstatSync(at(link), { throwIfNoEntry: false })).toBe(undefined);
    mkdirSync(at('/etc/rsprep'), { recursive: true });
    const config = 'version: 1\nvips: [192.0.2.10]\ndirectors: [10.0.0.2]\nresponder: {port: 53}\n';
    writeFileSync(at('/etc/rsprep/rsprep.yaml'), config, { mode: 0o644 });
    await install('--responder');
    expect(text(socket)).toContain('\nListenDatagram=53\n');
    expect(text(socket)).toContain('\nListenDatagram=127.0.0.1:53\n');
    expect(lstatSync(at(link)).isSymbolicLink()).toBe(true);
  });
  it('keeps the responder enabled, and cron, that were chosen before', async () => {
    const link = '/etc/systemd/system/multi-user.target.wants/rsprep-responder.service';
    await install('--responder', '--cron');
    const again = await install();
    expect(again.out).not.toContain('delete');
    expect(left()).toEqual(expect.arrayContaining([link.slice(1), 'etc/cron.d/rsprep']));
    await install('--systemd');
    expect(left()).not.toContain('etc/cron.d/rsprep');
  });
  it('does not take for gone what a ledger that cannot be read might hold', async () => {
    await install();
    mkdirSync(at('/var/lib/rsprep'), { recursive: true });
    writeFileSync(at('/var/lib/rsprep/state.json'), 'not JSON');
    const refused = await install('--uninstall', '--purge');
    expect({ code: refused.code, text: refused.err }).toMatchObject({
      code: 1,
      text: expect.stringContaining('does not say'),
    });
    expect((await install('--uninstall', '--force')).code).toBe(0);
  });
  it.each(['--purge', '--force'])('%s alone is a mistake', async (flag) => {
    expect((await install(flag)).code).toBe(64);
    expect(left()).toEqual([]);
  });
  it('does not stumble over a link that leads to itself, nor over a manifest with an odd entry', async () => {
    mkdirSync(at('/usr/local/sbin'), { recursive: true });
    symlinkSync('loop', at('/usr/local/sbin/loop'));
    expect((await install()).code).toBe(0);
    writeFileSync(at('/var/lib/rsprep/install.json'), '{"format":1,"version":"x","entries":[null],"directories":[7]}');
    expect((await install()).code).toBe(0);
  });
  it('leaves a file that was there before rsprep alone, for ever', async () => {
    put('/etc/cron.d/rsprep', 'somebody else\n');
    await install('--cron');
    expect(text('/etc/cron.d/rsprep')).toBe('somebody else\n');
    await install('--uninstall');
    expect(left()).toEqual(['etc/cron.d/rsprep']);
  });
  it('does not enable again what was disabled', async () => {
    await install();
    rmSync(at('/etc/systemd/system/timers.target.wants/rsprep-report.timer'));
    await install();
    await install();
    expect(isThere(at('/etc/systemd/system/timers.target.wants/rsprep-report.timer'))).toBe(false);
  });
});

describe('uninstall', () => {
  it('leaves nothing, not even a directory that was made for it', async () => {
    const before = readdirSync(root, { recursive: true, encoding: 'utf8' }).length;
    await install('--responder');
    expect(await install('--uninstall')).toMatchObject({ code: 0, err: '' });
    expect(left()).toEqual([]);
    // What systemd-sysusers and -tmpfiles made stays: passwd and /var/lib/rsprep.
    expect(isThere(at('/usr/lib/rsprep'))).toBe(false);
    expect(isThere(at('/usr/share'))).toBe(false);
    expect(before).toBeGreaterThan(0);
  });
  it('keeps configuration, ledger and journal; --purge takes them', async () => {
    await install();
    put('/etc/rsprep/rsprep.yaml', 'version: 1\n');
    put('/var/lib/rsprep/report/journal.jsonl', '{}\n');
    await install('--uninstall');
    expect(left()).toEqual(['etc/rsprep/rsprep.yaml', 'var/lib/rsprep/report/journal.jsonl']);
    await install();
    await install('--uninstall', '--purge');
    expect(left()).toEqual([]);
  });
  it('refuses while the ledger says that VIPs are there', async () => {
    await install();
    const address = { device: 'lo', ip: '10.0.0.100', prefixLength: 32, origin: 'added' };
    const ledger = {
      format: LEDGER_FORMAT,
      machineId: null,
      addresses: [address],
      sysctls: [],
      snapshot: {},
      taken: [],
      applied: null,
      intent: null,
    };
    put('/var/lib/rsprep/state.json', JSON.stringify(ledger));
    const refused = await install('--uninstall');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain('10.0.0.100');
    expect(isThere(at('/usr/bin/rsprep'))).toBe(true);
    expect((await install('--uninstall', '--force')).code).toBe(0);
  });
  it('says that nothing is installed', async () => expect(await install('--uninstall')).toMatchObject({ code: 1 }));
});

describe('a host set up by hand', () => {
  it('is told what was found, line by line, and what to delete; nothing of it is touched', async () => {
    put(
      '/usr/local/sbin/lvs_rs.sh',
      '#!/bin/sh\nifconfig lo:0 10.0.0.100 netmask 255.255.255.255\necho 1 >/proc/sys/net/ipv4/conf/lo/arp_ignore\n',
    );
    put('/etc/rc.local', '#!/bin/sh\n# lvs_rs.sh is below\n/usr/local/sbin/lvs_rs.sh start\n');
    put('/etc/sysctl.d/60-lvs.conf', 'net.ipv4.conf.all.arp_ignore = 1\n');
    put('/etc/systemd/system/lvs.service', '[Service]\nExecStart=/usr/local/sbin/lvs_rs.sh start\n');
    put('/etc/sysctl.d/99-zz-rsprep.conf', 'net/ipv4/conf/all/arp_ignore = 1\n');
    put('/etc/dsr.d/farm.conf', '# VIPs\n10.0.0.100\n10.0.0.101=28\n');
    put('/etc/dsr.d/farm.conf.old', '10.0.0.102\n');
    const { out } = await install();
    expect(out).toContain(
      '/etc/dsr.d/farm.conf:2: 10.0.0.100\n        rm /etc/dsr.d/farm.conf, then systemctl disable',
    );
    expect(out).toContain('/etc/dsr.d/farm.conf:3: 10.0.0.101=28\n        L3DSR, which rsprep does not do');
    expect(out).not.toContain('farm.conf.old');
    expect(out).toContain(
      '/etc/rc.local:3: /usr/local/sbin/lvs_rs.sh start\n        delete that line from /etc/rc.local',
    );
    expect(out).toContain('/usr/local/sbin/lvs_rs.sh:2: ');
    expect(out).toContain('systemctl disable lvs.service && rm /etc/systemd/system/lvs.service');
    expect(out).toContain('/etc/sysctl.d/60-lvs.conf:1');
    expect(out).not.toContain('99-zz-rsprep.conf');
    expect(text('/etc/rc.local')).toContain('lvs_rs.sh start');
  });
  it('whose rc.local starts a script that has the VIP: verify finds its owner', () => {
    put('/usr/local/sbin/lvs_rs.sh', '#!/bin/sh\nVIP=10.0.0.100\nifconfig lo:0 $VIP netmask 255.255.255.255 up\n');
    put('/usr/local/sbin/other', '10.0.0.100 is only named, and this is no script\n');
    put(
      '/etc/rc.local',
      '#!/bin/sh\n# /usr/local/sbin/gone start\n/usr/local/sbin/lvs_rs.sh start; /usr/local/sbin/other\n',
    );
    const address = '10.0.0.100' as Ip;
    const desired: Desired = { ...emptyDesired, vips: [{ address, device: LO, services: [] }] };
    const files = observeVipFiles(new Paths(root), desired);
    expect(files.map(({ path }) => path)).toEqual(['/usr/local/sbin/lvs_rs.sh']);
    const mentions = files.flatMap((file) => mentionsIn(file, desired));
    expect(mentions).toMatchObject([{ ip: address, line: 2, as: 'address', device: 'lo:0' }]);
  });
  it.each([
    [
      'an enabled service',
      '/etc/systemd/system/lvs.service',
      '[Service]\nExecStart=/usr/local/sbin/lvs_rs.sh start\n',
      true,
    ],
    [
      'a service that is not enabled',
      '/etc/systemd/system/lvs.service',
      '[Service]\nExecStart=/usr/local/sbin/lvs_rs.sh\n',
      false,
    ],
    ['cron', '/etc/cron.d/lvs', '@reboot root /usr/local/sbin/lvs_rs.sh start\n', true],
    ['crontab', '/etc/crontab', '*/5 * * * * root /usr/local/sbin/lvs_rs.sh start\n', true],
    ['a comment of crontab', '/etc/crontab', '#*/5 * * * * root /usr/local/sbin/lvs_rs.sh start\n', false],
  ])('%s starts a script that has the VIP', (_what, file, content, isOwner) => {
    put('/usr/local/sbin/lvs_rs.sh', '#!/bin/sh\nVIP=10.0.0.100\nip addr add $VIP/32 dev lo\n');
    put(file, content);
    if (isOwner && file.endsWith('.service')) put('/etc/systemd/system/multi-user.target.wants/lvs.service', content);
    const desired: Desired = { ...emptyDesired, vips: [{ address: '10.0.0.100' as Ip, device: LO, services: [] }] };
    const mentions = observeVipFiles(new Paths(root), desired).flatMap((found) => mentionsIn(found, desired));
    expect(mentions.map(({ file: where, line }) => `${where}:${line}`)).toEqual(
      isOwner ? ['/usr/local/sbin/lvs_rs.sh:2'] : [],
    );
  });
  it('whose enabled service adds the VIP itself: verify finds that line', () => {
    const unit =
      '[Service]\nType=oneshot\nExecStart=/sbin/ip address add 10.0.0.100/32 dev lo\nExecStop=/sbin/ip address del 10.0.0.100/32 dev lo\n';
    put('/etc/systemd/system/vip.service', unit);
    put('/etc/systemd/system/multi-user.target.wants/vip.service', unit);
    const desired: Desired = { ...emptyDesired, vips: [{ address: '10.0.0.100' as Ip, device: LO, services: [] }] };
    const mentions = observeVipFiles(new Paths(root), desired).flatMap((found) => mentionsIn(found, desired));
    expect(mentions).toMatchObject([
      { file: '/etc/systemd/system/vip.service', line: 3, device: 'lo', prefixLength: 32 },
    ]);
  });
  it('is not seen where there is none', () => expect(findHandMade(new Paths(root))).toEqual([]));
});

describe("other programs' hands on the device of a VIP", () => {
  const dropIns = (device: string): string[] => lookInto(new Paths(root), [device]).dropIns.map(({ path }) => path);
  it.each([
    ['nothing matches it', '[Match]\nName=eth* !dummy0\n', []],
    ['a negated list', '[Match]\nName=!dummy0 eth0\n', []],
    ['a pattern that takes everything', '[Match]\nName=*\n', ['/etc/systemd/network/00-rsprep-dummy0.network']],
    [
      'the device itself',
      '[Match]\nName=dummy0\n[Network]\nAddress=10.9.9.9/32\n',
      ['/etc/systemd/network/10-x.network.d/rsprep.conf'],
    ],
    ['no match at all', '[Network]\nDHCP=yes\n', []],
  ])('networkd: %s', (_, content, expected) => {
    put('/etc/systemd/network/10-x.network', content);
    expect(dropIns('dummy0')).toEqual(expected);
    expect(dropIns('lo')).toEqual([]); // networkd leaves lo alone
  });
  it('NetworkManager, where it is', () => {
    mkdirSync(at('/etc/NetworkManager'), { recursive: true });
    expect(dropIns('lo')).toEqual(['/etc/NetworkManager/conf.d/99-rsprep.conf']);
  });
});

describe('the launcher', () => {
  it('says what is missing, and to a monitoring system that it does not know', async () => {
    await install();
    // Without the Node of the machine that runs this.
    const launcher = text('/usr/bin/rsprep').replace(/^PATH=.*$/m, 'PATH=/nonexistent');
    writeFileSync(at('/usr/bin/rsprep'), launcher.replace(/^node=.*$/m, 'node=/nonexistent/node'));
    const { spawnSync } = await import('node:child_process');
    const run = (...words: string[]) =>
      spawnSync('/bin/sh', [at('/usr/bin/rsprep'), ...words], { encoding: 'utf8', env: { PATH: '/nonexistent' } });
    expect(run('verify')).toMatchObject({ status: 1, stderr: expect.stringContaining('install nodejs') });
    expect(run('-c', 'x', 'check')).toMatchObject({ status: 3, stdout: expect.stringMatching(/^RSPREP UNKNOWN/) });
  });

  it('takes nothing from the environment of its caller that Node would run, load or write', async () => {
    await install();
    const { spawnSync } = await import('node:child_process');
    const poisoned = join(folder, 'poisoned');
    mkdirSync(poisoned);
    for (const name of ['node', 'nodejs', 'command', 'env'])
      writeFileSync(join(poisoned, name), '#!/bin/sh\necho poisoned\n', { mode: 0o755 });
    const shown = join(folder, 'shown');
    writeFileSync(shown, '#!/bin/sh\nexec /usr/bin/env\n', { mode: 0o755 });
    const run = (node: string) => {
      writeFileSync(at('/usr/bin/rsprep'), text('/usr/bin/rsprep').replace(/^node=.*$/m, `node=${node}`));
      return spawnSync('/bin/sh', [at('/usr/bin/rsprep'), '--version'], { encoding: 'utf8', env: caller });
    };
    const caller = {
      ...{ PATH: poisoned, NODE_OPTIONS: '--require=/x', NODE_V8_COVERAGE: '/x', NODE_COMPILE_CACHE: '/x' },
      ...{ NODE_REDIRECT_WARNINGS: '/x', OPENSSL_CONF: '/x', LD_LIBRARY_PATH: '/x', SUDO_USER: 'ann' },
    };
    const { stdout } = run(shown);
    expect(stdout).not.toMatch(/=\/x|--require|poisoned/);
    expect(stdout).toMatch(/^SUDO_USER=ann$/m);
    expect(run('/nonexistent/node').stdout).not.toContain('poisoned');
  });
});

describe('what root would run', () => {
  const fails = async (...words: string[]): Promise<string> => {
    const said = await install(...words);
    expect([said.code, left()]).toEqual([1, []]);
    return said.err;
  };

  it.each(['/nope', '/etc', '/etc/passwd'])('--node %s is refused', async (node) => {
    expect(await fails('--node', node)).toMatch(
      new RegExp(`the Node\\.js ${node} cannot be used; expected .* Nothing was changed`),
    );
  });

  it('an interpreter that others may write, or replace, is refused', async () => {
    chmodSync(at('/opt/node/bin/node'), 0o777);
    expect(await fails()).toContain('others may write the Node.js');
    chmodSync(at('/opt/node/bin/node'), 0o755);
    chmodSync(at('/opt/node'), 0o777);
    expect(await fails()).toContain('others may replace the Node.js');
  });

  it('the Node below --root is the one that counts, where its links lead there too', async () => {
    rmSync(at('/opt/node/bin/node'));
    symlinkSync('/usr/lib/systemd/systemd', at('/opt/node/bin/node'));
    expect(await fails()).toContain('cannot be used');
    chmodSync(at('/usr/lib/systemd/systemd'), 0o755);
    expect((await install()).code).toBe(0);
    rmSync(at('/opt/node/bin/node'));
  });

  it.each(['dist/rsprep.cjs', 'dist/rsprep-program.cjs', 'dist/rsprep-x64.node', 'units/rsprep-apply.service'])(
    'a copy whose %s others may write is refused',
    async (name) => {
      chmodSync(join(folder, 'package', name), 0o666);
      expect(await fails()).toContain("others may write rsprep's own file");
    },
  );

  it('a copy in a folder in which others may replace it is refused', async () => {
    chmodSync(join(folder, 'package/dist'), 0o777);
    expect(await fails()).toContain("others may replace rsprep's own file");
  });

  it('an addon beside its folder is none of its own, unless that is dist/ of a whole copy', async () => {
    cpSync(join(folder, 'package/dist'), join(folder, 'package/elsewhere'), { recursive: true });
    mkdirSync(join(folder, 'package/prebuilds'));
    writeFileSync(join(folder, 'package/prebuilds/rsprep-x99.node'), 'of somebody else');
    cpSync(join(folder, 'package/units'), join(folder, 'package/elsewhere/units'), { recursive: true });
    const { code } = await installFrom(join(folder, 'package/elsewhere/rsprep.cjs'));
    expect([code, isThere(at('/usr/lib/rsprep/rsprep-x99.node'))]).toEqual([0, false]);
    await install();
    expect(isThere(at('/usr/lib/rsprep/rsprep-x99.node'))).toBe(true);
  });

  it('what stands in place of the installed program is not run to compile it', async () => {
    const { execFileSync } = await import('node:child_process');
    mkdirSync(at('/usr/lib/rsprep'), { recursive: true });
    execFileSync('mkfifo', [at('/usr/lib/rsprep/rsprep-program.cjs')]);
    const said = await install();
    expect(said.code).toBe(0);
    expect(said.out).toContain('no code cache: /usr/lib/rsprep/rsprep-program.cjs is not what was installed');
  });

  it.skipIf(needsRoot !== '')(`root runs nothing that lies in another user’s folder${needsRoot}`, async () => {
    mkdirSync(at('/usr/lib/rsprep'), { recursive: true });
    chownSync(at('/usr/lib/rsprep'), 4242, 4242);
    const said = await install();
    expect(said.code).toBe(0);
    expect(said.out).toMatch(/no code cache: .*\/usr\/lib\/rsprep/);
    expect(readdirSync(at('/usr/lib/rsprep')).filter((name) => name.includes('.cache'))).toEqual([]);
  });
});
