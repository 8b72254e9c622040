// `rsprep report` and `check` as cron, a timer and a monitoring system see them: the real program on a real kernel.
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DIRECTOR, type Network, VIP, withNetwork } from '../../support/netns.ts';
import { type Outcome, run, testEnvironment } from '../../support/process.ts';
import { type Agent, agentOn, bundle, expectCode, parseReport } from '../../support/rsprep.ts';
import { needs } from '../../unit/units/tools.ts';

const TEXTFILE = '/var/lib/prometheus/node-exporter/rsprep.prom';
const CONFIG = { version: 1, vips: [VIP], report: { textfile: TEXTFILE } };
/** nobody: any user that is not root. */
const NOBODY = 65534;

async function prepared<T>(use: (agent: Agent, net: Network) => T | Promise<T>): Promise<T> {
  return await withNetwork(async (net) => {
    const agent = agentOn(net, net.rs, CONFIG);
    expectCode(agent.run('apply'), 0);
    return await use(agent, net);
  });
}

const leak = (agent: Agent): number => agent.host.arp('all', 'arp_ignore', 0);
const fix = (agent: Agent): number => agent.host.arp('all', 'arp_ignore', 1);
const report = (agent: Agent): Outcome => {
  const outcome = agent.run('report');
  if (outcome.stderr !== '') throw new Error(outcome.stderr);
  return outcome;
};
const metric = (agent: Agent, name: string): number => {
  const line = readFileSync(agent.file(TEXTFILE), 'utf8').match(new RegExp(`^${name}(?:\\{[^}]*\\})? (.*)$`, 'm'));
  return line ? Number(line[1]) : Number.NaN;
};

describe('cron', () => {
  it('would mail once when drift begins and once when it is gone', async () => {
    await prepared((agent) => {
      const said: [string, number | null][] = [];
      const note = ({ stdout, code }: Outcome): void => void said.push([stdout === '' ? '' : 'mail', code]);
      for (let n = 0; n < 2; n += 1) note(report(agent));
      leak(agent);
      const first = report(agent);
      note(first);
      for (let n = 0; n < 3; n += 1) note(report(agent));
      fix(agent);
      const last = report(agent);
      note(last);
      note(report(agent));
      expect(said).toEqual([
        ['', 0],
        ['', 0],
        ['mail', 2],
        ['', 2],
        ['', 2],
        ['', 2],
        ['mail', 0],
        ['', 0],
      ]);
      expect(first.stdout).toMatch(/NEW +CRITICAL arp-ignore@all +drift/);
      expect(last.stdout).toMatch(/GONE CRITICAL arp-ignore@all: gone after/);
      const history = expectCode(agent.run('report', '--history'), 0).stdout;
      expect(history).toMatch(/NEW .* arp-ignore@all/);
      expect(history).toContain('; 8 runs');
    });
  });

  it('is told the file and line that set it', async () => {
    await prepared((agent) => {
      writeFileSync(agent.file('etc/sysctl.d/99-zzz-other.conf'), '# tuning\nnet.ipv4.conf.all.arp_ignore = 0\n');
      leak(agent);
      expect(report(agent).stdout).toMatch(
        /who +\/etc\/sysctl\.d\/99-zzz-other\.conf:2 sets net\/ipv4\/conf\/all\/arp_ignore = 0/,
      );
    });
  });

  it('a held host is left in peace, but for a new leak', async () => {
    await prepared((agent) => {
      expectCode(agent.run('hold', '--reason', 'disk'), 0);
      agent.host.ip(`addr del ${VIP}/32 dev lo`);
      expect(report(agent)).toMatchObject({ code: 2, stdout: '' });
      leak(agent);
      expect(report(agent).stdout).toMatch(/NEW +CRITICAL/);
      expectCode(agent.run('resume'), 0);
      expect(report(agent).stdout).toContain('vip-missing@');
    });
  });
});

describe('the metrics', () => {
  const promtool = needs('promtool', 'prometheus');
  it.skipIf(promtool !== '')(`of every run, failing ones included, are accepted by promtool${promtool}`, async () => {
    await prepared((agent) => {
      const accepted = (code: number): void => {
        expect(agent.run('report').code).toBe(code);
        const said = run(['promtool', 'check', 'metrics'], { input: readFileSync(agent.file(TEXTFILE), 'utf8') });
        expect(said).toMatchObject({ code: 0, stdout: '', stderr: '' });
      };
      accepted(0);
      leak(agent);
      accepted(2);
      fix(agent);
      agent.configure({ version: 1, vips: ['999.0.0.1'] });
      accepted(78);
    });
  });

  it('are written by every run, failing ones included', async () => {
    await prepared((agent) => {
      const seen = (code: number, sync: number): void => {
        expect(agent.run('report').code).toBe(code);
        expect(metric(agent, 'rsprep_in_sync')).toBe(sync);
        expect(metric(agent, 'rsprep_exit_code')).toBe(code);
      };
      seen(0, 1);
      const success = metric(agent, 'rsprep_last_success_timestamp_seconds');
      leak(agent);
      seen(2, 0);
      fix(agent);
      agent.configure({ version: 1, vips: ['999.0.0.1'] });
      seen(78, 0);
      expect(metric(agent, 'rsprep_last_success_timestamp_seconds')).toBeGreaterThan(success);
      expect(metric(agent, 'rsprep_last_run_timestamp_seconds')).toBeGreaterThan(
        metric(agent, 'rsprep_last_success_timestamp_seconds'),
      );
      expect(readdirSync(dirname(agent.file(TEXTFILE)))).toEqual(['rsprep.prom']);
      expect(statSync(agent.file(TEXTFILE)).mode & 0o777).toBe(0o644);
    });
  });
});

describe('one outcome, one exit code, whatever the format', () => {
  const OUTCOMES: readonly [string, number, number, (agent: Agent) => void][] = [
    ['as wanted', 0, 0, () => undefined],
    ['drift', 2, 2, leak],
    ['pending', 3, 1, (agent) => agent.configure({ ...CONFIG, vips: [VIP, '10.0.0.101'] })],
    ['broken configuration', 78, 3, (agent) => agent.configure({ version: 1, vips: [DIRECTOR, 'x'] })],
    ['no configuration', 78, 3, (agent) => run(['rm', agent.configFile])],
  ];
  it.each(OUTCOMES)('%s', async (_, code, plugin, spoil) => {
    await prepared((agent) => {
      spoil(agent);
      const codes = ['text', 'json', 'junit', 'prometheus'].flatMap((format) =>
        ['verify', 'report'].map((command) => [command, format, agent.run(command, '--format', format).code]),
      );
      expect(codes.filter(([, , got]) => got !== code)).toEqual([]);
      const checked = agent.run('check');
      expect(checked.code).toBe(plugin);
      expect(checked.stdout).toMatch(new RegExp(`^RSPREP ${['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'][plugin]} - `));
    });
  });

  it('JSON is one document per run, with what changed; --facts adds the host', async () => {
    await prepared((agent) => {
      leak(agent);
      const first = parseReport(agent.run('report', '--format', 'json'));
      expect(first).toMatchObject({ command: 'report', exit_code: 2, changes: { new: [{ id: 'arp-ignore@all' }] } });
      expect(first).not.toHaveProperty('facts');
      const second = parseReport(agent.run('report', '--format', 'json', '--facts'));
      expect(second).toMatchObject({ changes: { new: [], still_open: [{ id: 'arp-ignore@all' }] } });
      expect(second.facts).toMatchObject({ kernel: expect.stringMatching(/^\d/), nics: expect.any(Array) });
    });
  });
});

describe('check never takes a crash for a verdict', () => {
  const crashes: readonly [string, string][] = [
    ['a bug while looking', "require('node:os').hostname = () => { throw new TypeError('a bug') };"],
    [
      'a bug in a callback',
      "require('node:os').hostname = () => { queueMicrotask(() => { throw new TypeError('a bug'); }); return 'x'; };",
    ],
  ];
  it.each(crashes)('%s is UNKNOWN', async (_, code) => {
    await prepared((agent) => {
      const file = join(agent.root, 'crash.cjs');
      writeFileSync(file, code);
      const [node = '', ...rest] = agent.argv('check');
      const outcome = agent.host.run([node, '--require', file, ...rest], { env: testEnvironment() });
      expect(outcome).toMatchObject({ code: 3, stdout: expect.stringMatching(/^RSPREP UNKNOWN/m) });
    });
  });
  it.each([['--bogus'], ['--timeout', 'x'], ['--format']])('a wrong call is UNKNOWN: %s', async (...words) => {
    await prepared((agent) => expect(agent.run('check', ...words)).toMatchObject({ code: 3 }));
  });
  it('the plugin wrapper turns what is no answer into UNKNOWN', async () => {
    await prepared((agent) => {
      const wrapper = readFileSync(join(dirname(bundle), '../units/nagios/check_rsprep'), 'utf8');
      const fake = (script: string): Outcome => {
        const rsprep = join(agent.root, 'rsprep');
        writeFileSync(rsprep, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        return run(['sh', '-c', wrapper.replace('/usr/bin/rsprep', rsprep)]);
      };
      expect(fake('echo "SyntaxError: | Unexpected token"; exit 1')).toMatchObject({ code: 3 });
      expect(fake('exit 1')).toMatchObject({ code: 3, stdout: expect.stringMatching(/^RSPREP UNKNOWN/) });
      expect(fake('kill -9 $$')).toMatchObject({ code: 3 });
      expect(fake('echo "RSPREP WARNING - pending | a=1"; exit 1')).toMatchObject({
        code: 1,
        stdout: 'RSPREP WARNING - pending | a=1\n',
      });
    });
  });
});

describe("the report's own user", () => {
  /** Runs the program as another user, as the unit does. */
  const asNobody = (agent: Agent, ...words: string[]): Outcome =>
    agent.host.run(['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...agent.argv(...words)], {
      env: testEnvironment(),
    });

  it('journals, and cannot touch the ledger; root in between leaves everything its own', async () => {
    await prepared((agent) => {
      const directory = agent.file('var/lib/rsprep/report');
      mkdirSync(directory, { recursive: true });
      mkdirSync(dirname(agent.file(TEXTFILE)), { recursive: true });
      for (const path of [directory, dirname(agent.file(TEXTFILE))]) chownSync(path, NOBODY, NOBODY);
      const ledger = readFileSync(agent.file('var/lib/rsprep/state.json'));
      expect(asNobody(agent, 'report')).toMatchObject({ code: 0, stdout: '', stderr: '' });
      leak(agent);
      expect(report(agent).stdout).toContain('NEW'); // root, by hand
      expect(asNobody(agent, 'report')).toMatchObject({ code: 2, stdout: '', stderr: '' });
      fix(agent);
      expect(asNobody(agent, 'report').stdout).toContain('GONE');
      const owners = readdirSync(directory).map((name) => statSync(join(directory, name)).uid);
      expect(owners).toEqual(owners.map(() => NOBODY));
      expect(statSync(agent.file(TEXTFILE)).uid).toBe(NOBODY);
      leak(agent);
      expect(asNobody(agent, 'apply').code).toBe(77);
      expect(readFileSync(agent.file('var/lib/rsprep/state.json'))).toEqual(ledger);
    });
  });

  it('a user who may not journal is told what changed, and that it is not recorded', async () => {
    await prepared((agent) => {
      report(agent);
      leak(agent);
      const outcome = asNobody(agent, 'report');
      expect(outcome.code).toBe(2);
      expect(outcome.stdout).toContain('NEW');
      expect(outcome.stderr).toContain('this run is not recorded: permission denied');
      expect(report(agent).stdout).toContain('NEW');
    });
  });
});

describe('apply --heal', () => {
  it('fixes drift, not what is pending, and gives up on what comes back twice', async () => {
    await prepared((agent) => {
      const heal = (): Outcome => agent.run('apply', '--heal');
      const state = agent.file('var/lib/rsprep/heal.json');
      expect(heal().code).toBe(0);
      expect(existsSync(state)).toBe(false); // nothing to do writes nothing
      agent.configure({ ...CONFIG, vips: [VIP, '10.0.0.101'] }); // edited, never applied
      for (const round of [1, 2]) {
        leak(agent);
        expect({ round, code: heal().code }).toEqual({ round, code: 0 });
        expect(agent.host.arp('all', 'arp_ignore')).toBe(1);
      }
      expect(agent.host.ip('-br addr show dev lo')).not.toContain('10.0.0.101');
      leak(agent);
      const given = heal();
      expect(given.code).toBe(2);
      expect(given.stdout).toContain('heal gives up on arp-ignore@all');
      agent.host.ip(`addr del ${VIP}/32 dev lo`);
      expect(heal().code).toBe(2);
      expect(agent.host.ip('-br addr show dev lo')).not.toContain(VIP); // no VIP while the host leaks
      agent.configure(CONFIG);
      expectCode(agent.run('apply'), 0);
      leak(agent);
      expectCode(heal(), 0); // an apply by a person begins anew
      expectCode(agent.run('hold', '--reason', 'x'), 0);
      leak(agent);
      expect(heal()).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing is healed') });
      expect(agent.host.arp('all', 'arp_ignore')).toBe(0);
    });
  });
});
