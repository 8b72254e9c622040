// Files that only say who else might want the VIP, in folders that nobody can enter: each is a reading that could not be made.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Desired } from '../../../../src/core/model/desired.ts';
import { Paths } from '../../../../src/linux/files/paths.ts';
import { observeBootUnit, observeKeepalived } from '../../../../src/linux/observe/boot.ts';
import { observeSysctlFiles } from '../../../../src/linux/observe/sysctl-files.ts';
import { observeVipFiles } from '../../../../src/linux/observe/vip-files.ts';

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A root in which some folders are links to themselves (ELOOP, which stops root as well). */
function rootWith(loops: readonly string[], files: Readonly<Record<string, string>> = {}): Paths {
  const root = mkdtempSync(join(tmpdir(), 'rsprep-hints-'));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const loop of loops) {
    mkdirSync(dirname(join(root, loop)), { recursive: true });
    symlinkSync(basename(loop), join(root, loop));
  }
  return new Paths(root);
}

const desired = { vips: [{ address: '10.0.0.100' }] } as unknown as Desired;
const UNIT = '/etc/systemd/system/rsprep-apply.service';

it('a folder of units that leads in a circle is no "not installed"', () => {
  expect(observeBootUnit(rootWith(['/etc/systemd/system']))).toMatchObject({ kind: 'unreadable', cause: 'io' });
  expect(
    observeBootUnit(rootWith(['/etc/systemd/system'], { '/usr/lib/systemd/system/rsprep-apply.service': '' })),
  ).toMatchObject({
    kind: 'unreadable',
  });
});

it('a folder of links that leads in a circle is no "disabled"', () => {
  const paths = rootWith(['/etc/systemd/system/multi-user.target.wants'], { [UNIT]: '' });
  expect(observeBootUnit(paths)).toMatchObject({ kind: 'unreadable' });
});

it('what is found counts, whatever else cannot be looked for', () => {
  const wanted = '/usr/lib/systemd/system/multi-user.target.wants/rsprep-apply.service';
  const paths = rootWith(['/etc/systemd/system/multi-user.target.wants'], { [UNIT]: '', [wanted]: '' });
  expect(observeBootUnit(paths)).toEqual({ kind: 'value', value: { state: 'enabled', path: UNIT, missing: [] } });
});

it('a host without systemd has no boot unit', () => {
  expect(observeBootUnit(rootWith([]))).toEqual({ kind: 'absent' });
});

it('whether keepalived starts at boot cannot be told', () => {
  expect(observeKeepalived(rootWith(['/etc/rc2.d']))).toMatchObject({ kind: 'unreadable' });
  expect(observeKeepalived(rootWith(['/etc/systemd/system/multi-user.target.wants']))).toMatchObject({
    kind: 'unreadable',
  });
  expect(observeKeepalived(rootWith(['/etc/rc2.d'], { '/run/keepalived.pid': `${process.pid}\n` }))).toEqual({
    kind: 'value',
    value: 'runs',
  });
  expect(observeKeepalived(rootWith([], { '/run/keepalived.pid': '../self\n' }))).toEqual({
    kind: 'value',
    value: 'idle',
  });
});

it('who applies the sysctls at boot cannot be told', () => {
  expect(observeSysctlFiles(rootWith(['/usr/lib/systemd'])).bootReader).toBe(null);
  expect(observeSysctlFiles(rootWith(['/lib/systemd'])).bootReader).toBe(null);
  expect(observeSysctlFiles(rootWith(['/lib/systemd'], { '/usr/lib/systemd/systemd-sysctl': '' })).bootReader).toBe(
    'systemd',
  );
  expect(observeSysctlFiles(rootWith([])).bootReader).toBe('procps');
});

it('a folder of another tool that leads in a circle is said, and not taken for empty', () => {
  const closed = ['/etc/netplan', '/etc/keepalived/conf.d'];
  expect(observeVipFiles(rootWith(closed), desired)).toEqual(
    closed.map((path) => ({ path: `${path}/`, content: expect.objectContaining({ kind: 'unreadable', cause: 'io' }) })),
  );
  expect(observeVipFiles(rootWith(['/etc/systemd/system', '/etc/cron.d']), desired)).toEqual([]);
});
