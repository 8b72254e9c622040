import { describe, expect, it } from 'vitest';
import { type InterfaceName, type Ip, kernelIp } from '../../../src/core/model/names.ts';
import type { Address } from '../../../src/core/model/observed.ts';
import { checksOf } from '../../../src/probe/as-check.ts';
import { probeExitCode } from '../../../src/probe/exit.ts';
import { DEVICE_PATTERN, deviceName, type ProbeInterface, planInterfaces } from '../../../src/probe/interfaces.ts';
import { type Claims, judgeClaims } from '../../../src/probe/judge-claims.ts';
import { judgeSelf } from '../../../src/probe/judge-self.ts';
import { judgeService, type ServiceAsked } from '../../../src/probe/judge-service.ts';
import { judgeWatch } from '../../../src/probe/judge-watch.ts';
import type { ProbeResult, ProbeRun } from '../../../src/probe/result.ts';

const VIP = kernelIp('10.0.0.100');
const RIP = kernelIp('10.0.0.11');
const VIP6 = kernelIp('fd00::100');
const LINK6 = kernelIp('fe80::11');
const DIRECTOR = '02:00:00:00:00:02';
const RS = '02:00:00:00:00:11';

const address = (ip: Ip, scope = 'global', extra: Partial<Address> = {}): Address => ({
  ...{ ip, scope, prefixLength: 24, label: null, validSeconds: null, preferredSeconds: null },
  ...{ tentative: false, dadFailed: false, secondary: false, ...extra },
});

const nic = (extra: Partial<ProbeInterface> = {}): ProbeInterface => ({
  ...{ name: 'eth0' as InterfaceName, index: 2, up: true, loopback: false, noArp: false, kind: null, portKind: null },
  ...{
    master: null,
    mac: RS,
    ethernet: true,
    carrier: true,
    addresses: [address(RIP), address(LINK6, 'link')],
    ...extra,
  },
});

describe('which interfaces are asked, and what must answer there', () => {
  it.each<[string, Partial<ProbeInterface>, string | null]>([
    ['an ordinary one', {}, null],
    ['a VRF’s member', { portKind: 'vrf', master: 'vrf0' as InterfaceName }, null],
    ['down', { up: false }, 'down'],
    ['no carrier', { carrier: false }, 'carrier'],
    ['NOARP', { noArp: true }, 'NOARP'],
    ['a tunnel', { ethernet: false, mac: null }, 'Ethernet'],
    ['a bridge’s port', { portKind: 'bridge', master: 'br0' as InterfaceName }, 'br0'],
    ['a bond’s member', { portKind: 'bond', master: 'bond0' as InterfaceName }, 'bond0'],
  ])('%s', (_, extra, reason) => {
    const [plan] = planInterfaces([nic(extra)], [VIP]);
    if (reason === null) expect(plan).toMatchObject({ kind: 'probe', control4: RIP, control6: LINK6 });
    else expect(plan).toMatchObject({ kind: 'skip', reason: expect.stringContaining(reason) });
  });

  it('takes no VIP, no address of scope host and no tentative one for a control', () => {
    const addresses = [address(VIP), address(RIP, 'host'), address(LINK6, 'link', { tentative: true })];
    expect(planInterfaces([nic({ addresses })], [VIP])).toMatchObject([{ control4: null, control6: null }]);
  });

  it('leaves lo and a probe’s own devices out', () => {
    const names = ['lo', deviceName(4_194_304, 'a')].map((name) =>
      nic({ name: name as InterfaceName, loopback: name === 'lo' }),
    );
    expect(planInterfaces(names, [VIP])).toEqual([]);
    expect(deviceName(4_194_304, 'a').length).toBeLessThanOrEqual(15);
    expect(DEVICE_PATTERN.exec(deviceName(4711, 'b'))?.[1]).toBe((4711).toString(36));
  });
});

const self = (
  arp: readonly Ip[],
  ndp: readonly Ip[],
  extra: Partial<ProbeInterface> = {},
  arrived = true,
  held = [VIP, VIP6],
) => {
  const [plan] = planInterfaces([nic(extra)], [VIP, VIP6]);
  if (plan?.kind !== 'probe') throw new Error('not probed');
  const heard = { arp: new Set(arp), ndp: new Set(ndp), arrived };
  return judgeSelf(plan, [VIP, VIP6], heard, new Set(held)).map(({ outcome }) => outcome);
};

describe('what answers at an interface', () => {
  it('is judged by its control', () => {
    expect(self([RIP], [LINK6])).toEqual(['good', 'good']);
    expect(self([], [])).toEqual(['void', 'void']);
    expect(self([RIP, VIP], [LINK6, VIP6])).toEqual(['wrong', 'wrong']);
    // An answer judges itself.
    expect(self([VIP], [VIP6])).toEqual(['wrong', 'wrong']);
  });

  it('without an IPv4 address is judged by neighbour discovery, where the question is known to have arrived', () => {
    const addresses = [address(LINK6, 'link')];
    expect(self([], [LINK6], { addresses })).toEqual(['good', 'good']);
    expect(self([], [LINK6], { addresses }, false)).toEqual(['void', 'good']);
    expect(self([], [], { addresses })).toEqual(['void', 'void']);
    expect(self([], [], { addresses: [] })).toEqual(['void', 'skipped']);
  });

  it('proves nothing about a VIP that is not there', () => {
    expect(self([RIP], [LINK6], {}, true, [])).toEqual(['void', 'void']);
    expect(self([RIP, VIP], [LINK6], {}, true, [])).toEqual(['wrong', 'void']);
  });
});

describe('who claims a VIP', () => {
  const base: Claims = {
    ...{
      vip: VIP,
      device: 'eth0',
      macs: [DIRECTOR],
      own: null,
      expected: [DIRECTOR],
      expectedByHand: true,
      control: null,
    },
  };
  const answered = { ip: RIP, answered: true };
  const vrrp = '00:00:5e:00:01:07';
  it.each<[string, Partial<Claims>, ProbeResult['outcome']]>([
    ['the director alone', {}, 'good'],
    ['another besides', { macs: [DIRECTOR, RS] }, 'wrong'],
    ['another instead', { macs: [RS] }, 'wrong'],
    ['nobody', { macs: [] }, 'void'],
    ['nobody, though a control answered', { macs: [], control: answered }, 'void'],
    ['nobody, and nobody may', { macs: [], expected: [], control: answered }, 'good'],
    ['nobody, nobody may, and no control', { macs: [], expected: [], control: { ip: RIP, answered: false } }, 'void'],
    ['somebody though nobody may', { macs: [RS], expected: [] }, 'wrong'],
    ['one, and nobody said who may', { expected: null }, 'void'],
    ['two, and nobody said who may', { macs: [DIRECTOR, RS], expected: null }, 'wrong'],
    ['this host, which is the director', { macs: [], own: DIRECTOR, control: answered }, 'good'],
    ['this host, without a control', { macs: [], own: DIRECTOR }, 'void'],
    ['this host, which may not', { macs: [DIRECTOR], own: RS }, 'wrong'],
    ['a virtual router, by the directors’ addresses', { macs: [vrrp], expectedByHand: false }, 'good'],
    ['a virtual router, where a person said another', { macs: [vrrp] }, 'wrong'],
  ])('%s', (_, extra, outcome) => {
    expect(judgeClaims({ ...base, ...extra }).outcome).toBe(outcome);
  });
});

describe('a service', () => {
  const base: ServiceAsked = {
    ...{
      probe: 'probe-service',
      vip: VIP,
      protocol: 'udp',
      port: 53,
      where: 'from here',
      expect: '6869',
      mustAnswer: true,
    },
    ...{ outcome: { kind: 'answer', from: VIP, hex: '686900' }, control: { worked: true, detail: 'it worked' } },
  };
  const failed = { worked: false, detail: 'it failed' };
  it.each<[string, Partial<ServiceAsked>, ProbeResult['outcome']]>([
    ['answers from the VIP', {}, 'good'],
    ['answers, whatever its control', { control: failed }, 'good'],
    ['answers from the RIP', { outcome: { kind: 'answer', from: RIP, hex: '6869' } }, 'wrong'],
    ['answers something else', { outcome: { kind: 'answer', from: VIP, hex: '00' } }, 'wrong'],
    ['accepts', { outcome: { kind: 'connected' } }, 'good'],
    ['refuses', { outcome: { kind: 'refused' }, control: failed }, 'wrong'],
    ['is silent', { outcome: { kind: 'silence' } }, 'wrong'],
    ['is silent, like its control', { outcome: { kind: 'silence' }, control: failed }, 'void'],
    ['is silent to what it may not know', { outcome: { kind: 'silence' }, mustAnswer: false }, 'void'],
    ['cannot be asked', { outcome: { kind: 'error', reason: 'ENETUNREACH' } }, 'void'],
    ['of a VIP that is not there', { outcome: { kind: 'not-local' } }, 'wrong'],
  ])('%s', (_, extra, outcome) => {
    expect(judgeService({ ...base, ...extra }).outcome).toBe(outcome);
  });
});

describe('watching', () => {
  const leaving = (sender: Ip) => new Map([['k', { device: 'eth0', sender, count: 2 }]]);
  const strangers = new Map([['k', { device: 'eth0', mac: RS, vip: VIP }]]);
  const base = {
    vips: [VIP],
    leaving: new Map(),
    strangers: new Map(),
    fromDirector: false,
    directorMacs: [DIRECTOR],
    forMs: 1,
  };
  it.each([
    ['nothing at all', {}, ['void', 'void']],
    ['the RIP’s ARP and the director’s traffic', { leaving: leaving(RIP), fromDirector: true }, ['good', 'good']],
    ['ARP from the VIP', { leaving: leaving(VIP) }, ['wrong', 'void']],
    ['traffic past the director', { strangers, fromDirector: true }, ['void', 'wrong']],
    ['traffic, but no director known', { strangers, directorMacs: [] }, ['void', 'void']],
  ])('%s', (_, extra, outcomes) => {
    expect(judgeWatch({ ...base, ...extra }).map(({ outcome }) => outcome)).toEqual(outcomes);
  });
});

describe('a run', () => {
  const good: ProbeResult = { probe: 'probe-arp', subject: 'eth0', outcome: 'good', seen: '', control: '' };
  const skipped: ProbeResult = { probe: 'probe-arp', subject: 'eth1', outcome: 'skipped', reason: '' };
  const untold: ProbeResult = { ...skipped, outcome: 'void', next: '', forLackOfPrivilege: false };
  const wrong = judgeService({
    ...{ probe: 'probe-service', vip: VIP, protocol: 'tcp', port: 80, where: '', expect: '', mustAnswer: true },
    ...{ outcome: { kind: 'refused' }, control: { worked: true, detail: '' } },
  });
  const run = (results: readonly ProbeResult[], failure: ProbeRun['failure'] = null): ProbeRun => ({
    ...{ command: 'probe self', host: 'h', at: '', notes: [], durationMs: 0, results, failure },
  });
  it.each([
    ['good', [good, skipped], 0],
    ['void is never a pass', [good, untold], 1],
    ['wrong wins', [good, untold, wrong], 2],
    ['nothing', [], 1],
    ['only skipped', [skipped], 1],
  ])('%s', (_, results, code) => {
    expect(probeExitCode(run(results))).toBe(code);
  });

  it('that did not happen has the exit code of its reason', () => {
    expect(probeExitCode(run([], { kind: 'permission', message: '', next: '' }))).toBe(77);
    expect(probeExitCode(run([], { kind: 'locked', message: '', next: '' }))).toBe(75);
  });

  it('becomes checks: wrong and unknown are found, good and skipped are not', () => {
    const context = {} as Parameters<ReturnType<typeof checksOf>[number]['run']>[0];
    const verdicts = checksOf(run([good, skipped, untold, wrong])).flatMap((check) => check.run(context, ''));
    expect(verdicts.map(({ kind }) => kind)).toEqual(['unknown', 'wrong']);
    const refused = checksOf(run([], { kind: 'permission', message: 'no', next: '' })).flatMap((c) =>
      c.run(context, ''),
    );
    expect(refused).toMatchObject([{ kind: 'unknown', forLackOfPrivilege: true }]);
  });
});
