// What systemd, promtool and cron make of the files in units/.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs, run } from './tools.ts';

const UNITS = fileURLToPath(new URL('../../../units', import.meta.url));
const names = readdirSync(UNITS).filter((name) => /\.(service|timer|socket)$/.test(name));
const text = (name: string): string => readFileSync(join(UNITS, name), 'utf8');
let root: string;

beforeAll(() => {
  // systemd-analyze verify looks for the programs that units start: it gets a root where they are.
  root = mkdtempSync(join(tmpdir(), 'rsp-units-'));
  mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  for (const name of names) cpSync(join(UNITS, name), join(root, 'etc/systemd/system', name));
  for (const target of [
    'sysinit',
    'basic',
    'shutdown',
    'network',
    'network-pre',
    'local-fs',
    'timers',
    'sockets',
    'multi-user',
  ])
    writeFileSync(join(root, `etc/systemd/system/${target}.target`), '[Unit]\nDescription=of the test\n');
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin/true'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(root, 'usr/bin/rsprep'), '#!/bin/sh\n');
  chmodSync(join(root, 'usr/bin/rsprep'), 0o755);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('a folder that a host may lack keeps no unit from starting', () => {
  const paths = names.flatMap((name) => [...text(name).matchAll(/^ReadWritePaths=(.*)$/gm)].map(([, path]) => path));
  expect(paths).toContain('-/etc/sysctl.d');
  expect(paths.filter((path) => !path?.startsWith('-'))).toEqual([]);
});

const analyze = needs('systemd-analyze', 'systemd');
describe.skipIf(analyze !== '')(`systemd-analyze${analyze}`, () => {
  it.each(names)('verify has nothing to say about %s', (name) => {
    expect(run('systemd-analyze', 'verify', `--root=${root}`, '--man=no', name)).toEqual({ status: 0, text: '' });
  });

  it('verify does speak about a unit with a mistake in it, so that silence means something', () => {
    writeFileSync(
      join(root, 'etc/systemd/system/bad.service'),
      `${text('rsprep-report.service')}\nProtectSistem=yes\n`,
    );
    const { text: said } = run('systemd-analyze', 'verify', `--root=${root}`, '--man=no', 'bad.service');
    expect(said).toContain('ProtectSistem');
  });

  it.each([
    ['rsprep-apply.service', 2.2],
    ['rsprep-apply-retry.service', 2.2],
    ['rsprep-heal.service', 2.2],
    ['rsprep-responder.service', 2.0],
    ['rsprep-report.service', 1.0],
  ])('the exposure of %s is at most %d', (name, most) => {
    const threshold = `--threshold=${Math.round(most * 10)}`;
    const said = run('systemd-analyze', 'security', '--offline=yes', '--no-pager', threshold, join(UNITS, name));
    expect(said.text).toMatch(/Overall exposure level/);
    expect(said.status).toBe(0);
  });
});

describe('the units', () => {
  it('the socket holds the port and starts nothing that answers; the responder takes it over', () => {
    const socket = text('rsprep-responder.socket');
    expect(socket).toContain('\nService=rsprep-port.service\n');
    expect(socket).toMatch(/^ListenDatagram=5300$/m);
    expect(text('rsprep-port.service')).toContain('\nExecStart=/bin/true\n');
    expect(text('rsprep-port.service')).toContain('\nRemainAfterExit=yes\n');
    expect(text('rsprep-responder.service')).toContain('\nSockets=rsprep-responder.socket\n');
  });
  it('apply comes before any network device is configured, by a target that it wants itself', () => {
    const unit = text('rsprep-apply.service');
    for (const line of ['Wants=network-pre.target', 'Before=network-pre.target', 'WantedBy=multi-user.target'])
      expect(unit).toContain(`\n${line}\n`);
    expect(unit).toMatch(/\nAfter=.*systemd-sysctl\.service/);
    expect(unit).toMatch(/\nRequiresMountsFor=.*\/var\/lib\/rsprep/);
    expect(unit).not.toMatch(/^Exec(Stop|StopPost)=/m);
  });
  it('a boot that could not prepare the host is followed by tries that end only with it, or with what a person must do', () => {
    expect(text('rsprep-apply.service')).toContain('\nOnFailure=rsprep-apply-retry.service\n');
    const retry = text('rsprep-apply-retry.service');
    for (const line of ['Restart=on-failure', 'RestartSec=30', 'StartLimitIntervalSec=0'])
      expect(retry).toContain(`\n${line}\n`);
    expect(retry).toContain('\nSuccessExitStatus=2 3 64 77 78\n');
    const hardening = (name: string): string[] =>
      text(name)
        .split('\n')
        .filter((line) => /^(Protect|Private|Restrict|System)/.test(line));
    expect(hardening('rsprep-apply-retry.service')).toEqual(hardening('rsprep-apply.service'));
  });
  it("cron's boot entry goes on until it has succeeded, or a person has to act", () => {
    const line = /^@reboot root (.*)$/m.exec(text('cron.d/rsprep'))?.[1] ?? '';
    const fake = join(root, 'fake-rsprep');
    writeFileSync(
      fake,
      `#!/bin/sh\necho tried\nread -r status rest <${fake}.in\necho "$rest" >${fake}.in\nexit "$status"\n`,
    );
    chmodSync(fake, 0o755);
    const tries = (statuses: string): number => {
      writeFileSync(`${fake}.in`, `${statuses}\n`);
      const script = `test() { false; }; sleep() { :; }; ${line.replace('/usr/bin/rsprep', fake)}`;
      return run('sh', '-c', script).text.match(/tried/g)?.length ?? 0;
    };
    expect(['0', '75 1 4 0', '1 2 0', '3 0', '64 0', '77 0', '78 0'].map(tries)).toEqual([1, 4, 2, 1, 1, 1, 1]);
  });
  it('drift and pending do not fail the report', () =>
    expect(text('rsprep-report.service')).toContain('\nSuccessExitStatus=2 3\n'));
  it('the report may write its own directory only', () => {
    const unit = text('rsprep-report.service');
    expect(unit).toContain('\nProtectSystem=strict\n');
    expect(unit).toContain('\nUser=rsprep\n');
    expect(unit).toContain('\nCapabilityBoundingSet=\n');
    expect(unit.match(/^(ReadWritePaths|StateDirectory)=.*$/gm)).toEqual([
      'StateDirectory=rsprep/report',
      'ReadWritePaths=-/var/lib/prometheus/node-exporter',
    ]);
  });
  it('every command in them is one there is', async () => {
    const { COMMANDS } = await import('../../../src/cli/commands/registry.ts');
    const called = [...names.map(text), text('cron.d/rsprep')].flatMap((unit) =>
      [...unit.matchAll(/\/usr\/bin\/rsprep (\w+)/g)].map(([, command]) => command ?? ''),
    );
    expect(called.length).toBeGreaterThan(4);
    for (const command of called) expect(Object.keys(COMMANDS)).toContain(command);
  });
  it("cron's entry has the form of cron.d: five fields or @reboot, a user, a command without %", () => {
    const lines = text('cron.d/rsprep')
      .split('\n')
      .filter((line) => line !== '' && !/^(#|\w+=)/.test(line));
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^((\S+ ){5}|@reboot )(rsprep|root) [^%]+$/);
  });
});

const promtool = needs('promtool', 'prometheus');
describe.skipIf(promtool !== '')(`promtool${promtool}`, () => {
  const rules = join(UNITS, 'prometheus/rsprep.rules.yaml');
  it('accepts the alert rules', () => {
    const said = run('promtool', 'check', 'rules', rules);
    expect(said).toMatchObject({ status: 0 });
    expect(said.text).toContain('7 rules found');
  });
  it('they fire when they should, and only then', () => {
    const said = run('promtool', 'test', 'rules', fileURLToPath(new URL('./rules.test.yaml', import.meta.url)));
    expect(said.text).toContain('SUCCESS');
    expect(said.status).toBe(0);
  });
});
