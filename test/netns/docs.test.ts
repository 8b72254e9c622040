// The outputs that README and docs show are what rsprep prints: each is made again, and compared with the text.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { withNetwork } from '../support/netns.ts';
import { run } from '../support/process.ts';
import { type Agent, agentOn, bundle, expectCode } from '../support/rsprep.ts';

const documentOf = (name: string): readonly string[] =>
  readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8').split('\n');

/** Lines that an output can have differently each time: times, process ids, and which flow a hash gives to which server. */
const masked = (line: string): string =>
  line
    .replace(/\d+ ms/g, 'N ms')
    .replace(/\d+\.\d s;/g, 'N s;')
    .replace(/\b(rs[12]|no answer) +\d+/g, '$1 N')
    .replace(/^(\s*(?:\w+ +)?nsenter -t )\d+/, '$1PID')
    .trimEnd();

/** The lines after the one that begins with `start`, up to the first that no longer belongs to the example; as indented as printed. */
function example(name: string, start: string): readonly string[] {
  const lines = documentOf(name);
  const at = lines.findIndex((line) => line.trim().startsWith(start));
  if (at < 0) throw new Error(`${name} has no line that begins with ${start}`);
  const indent = /^ */.exec(lines[at] ?? '')?.[0] ?? '';
  const after = lines.slice(at + 1);
  const end = after.findIndex((line) => line !== '' && (!line.startsWith(indent) || /^[#`]/.test(line.trim())));
  const shown = after.slice(0, end).map((line) => line.slice(indent.length));
  while (shown.at(-1) === '') shown.pop();
  return shown;
}

/** From the line that begins so up to the end of what is indented. */
function shownFrom(name: string, start: string): readonly string[] {
  const lines = documentOf(name);
  const rest = lines.slice(lines.findIndex((line) => line.startsWith(start)));
  const end = rest.findIndex((line) => line !== '' && !line.startsWith('    '));
  const shown = rest.slice(0, end).map((line) => line.slice(4));
  while (shown.at(-1) === '') shown.pop();
  return shown;
}

/** A shortened example: every line of it is one of the output, in the same order. */
function expectInOrder(shortened: readonly string[], whole: readonly string[]): void {
  let at = 0;
  for (const line of shortened) {
    const next = whole.indexOf(line, at);
    expect({ line, found: next >= 0 }).toEqual({ line, found: true });
    at = next + 1;
  }
}

const put = (agent: Agent, path: string, text: string): void => {
  const file = agent.file(path);
  mkdirSync(dirname(file), { recursive: true });
  chmodSync(dirname(file), 0o755);
  writeFileSync(file, text, { mode: 0o644 });
};

/** As the host of that name; without the root of the test in paths. */
function printed(agent: Agent, name: string, ...words: readonly string[]): readonly string[] {
  const script = 'hostname "$0" && exec "$@"';
  const said = agent.host.run(['unshare', '--uts', 'sh', '-c', script, name, ...agent.argv(...words)]);
  return said.stdout.replaceAll(agent.root, '').trimEnd().split('\n');
}

it('README: plan, and verify after somebody added a wide prefix', async () => {
  await withNetwork((net) => {
    const agent = agentOn(net, net.rs, { version: 1, vips: ['192.0.2.10', '2001:db8::10'] });
    expect(printed(agent, 'web1', 'plan')).toEqual(example('README.md', '# rsprep plan'));
    expectCode(agent.run('apply'), 0);
    net.rs.ip('address add 192.0.2.10/24 dev lo');
    expect(printed(agent, 'web1', 'verify')).toEqual(example('README.md', '# rsprep verify '));
  });
});

it('docs/json.md: findings through jq', async () => {
  await withNetwork((net) => {
    const agent = agentOn(net);
    expectCode(agent.run('apply'), 0);
    net.rs.arp('eth0', 'arp_ignore', 3);
    const { findings } = JSON.parse(agent.run('verify', '--format', 'json').stdout);
    const lines = findings.map((found: Record<string, string>) => `${found.severity} ${found.id}: ${found.seen}`);
    expect(lines).toEqual(example('docs/json.md', '# rsprep verify --format json'));
  });
});

it('docs/configuration.md: how an error looks', async () => {
  await withNetwork(async (net) => {
    const agent = agentOn(net);
    writeFileSync(agent.configFile, 'version: 1\nvips:\n  - 192.0.2.10/24\n');
    const { stderr } = agent.run('config', 'check');
    const shown = documentOf('docs/configuration.md').find((line) => line.includes('rsprep.yaml:3:5'));
    expect(stderr.trim().replace(/^.*\//, '')).toBe(shown?.trim().replace(/^.*\//, ''));
  });
});

it('docs/coming-from.md: what install and plan say of a host that was set up by hand', async () => {
  await withNetwork((net) => {
    const vips = ['10.0.0.100', '10.0.0.101', '10.0.0.102'];
    const agent = agentOn(net, net.rs, { version: 1, vips });
    put(agent, 'etc/rc.local', '#!/bin/sh\n/usr/local/sbin/lvs_rs.sh start\n');
    const script = '#!/bin/sh\nVIP=10.0.0.100\ncase $1 in\nstart)\n';
    put(
      agent,
      'usr/local/sbin/lvs_rs.sh',
      `${script}ifconfig lo:0 $VIP netmask 255.255.255.255 broadcast $VIP up\n;; esac\n`,
    );
    put(agent, 'etc/sysconfig/network-scripts/ifcfg-lo:0', 'DEVICE=lo:0\nIPADDR=10.0.0.101\nNETMASK=255.255.255.255\n');
    put(agent, 'etc/dsr.d/farm.conf', '# farm\n10.0.0.102\n10.0.0.103=28   # L3DSR\n');
    net.rs.arp('all', 'arp_ignore', 1);
    net.rs.arp('all', 'arp_announce', 2);
    net.rs.ip('address add 10.0.0.100/32 brd 10.0.0.100 dev lo label lo:0');
    net.rs.ip('address add 10.0.0.101/32 dev lo label lo:1');
    const notes = printed(agent, 'rs1', 'install', '--dry-run').filter((line) => /^(note: t| )/.test(line));
    expect(notes).toEqual(shownFrom('docs/coming-from.md', '    note: this host was set up by hand'));
    expect(printed(agent, 'rs1', 'plan')).toEqual(example('docs/coming-from.md', '# rsprep plan'));
    expectCode(agent.run('apply'), 0, 2);
    // Two owners at boot: only once rsprep's boot unit is enabled.
    expectCode(agent.run('install', '--systemd'), 0);
    expectInOrder(shownFrom('docs/coming-from.md', '    HIGH     boot-owner@'), printed(agent, 'rs1', 'verify'));
  });
});

it('docs/lab.md and README: the lab', () => {
  const said = run([process.execPath, bundle, 'lab', '--director', 'nft'], { timeoutMs: 60_000 });
  expect(said.code).toBe(0);
  const lines = said.stdout.split('\n').map(masked);
  const steps = lines.slice(lines.findIndex((line) => line.startsWith('ok ')));
  const shown = documentOf('docs/lab.md').map(masked);
  const from = shown.findIndex((line) => line.startsWith('ok '));
  expect(steps.slice(0, -1)).toEqual(shown.slice(from, shown.indexOf('```', from)));
  // The README shows some of these lines, in the same order.
  const readme = documentOf('README.md');
  const some = readme
    .slice(
      readme.findIndex((line) => line.startsWith('    ok ')),
      readme.findIndex((line) => line.startsWith('    lab: ')) + 1,
    )
    .map((line) => masked(line.slice(4)));
  expectInOrder(
    some.filter((text) => text !== '…'),
    steps,
  );
});
