// An apply that waits for its confirmation, and something that decides about it which nobody can read: it is neither kept nor
// taken back nor forgotten, and never exit 0.
import { describe, expect, it } from 'vitest';
import { type ApplyOptions, apply } from '../../../../src/app/apply/apply.ts';
import { confirm, revert } from '../../../../src/app/apply/confirm.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import type { InterfaceName, Ip } from '../../../../src/core/model/names.ts';
import type { Observed } from '../../../../src/core/model/observed.ts';
import { absent, unreadable } from '../../../../src/core/model/reading.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import { address, arpValues, FakeHost } from '../../../support/fake-host.ts';

const VIP = '10.0.0.100' as Ip;
const desired = { ...emptyDesired, vips: [{ address: VIP, device: 'lo' as InterfaceName, services: [] }] };
const OPTIONS: ApplyOptions = {
  ...{ 'take-from-nic': false, prune: false, boot: false, confirmMs: null, strict: false },
  ...{ lockTimeoutMs: 0, timeoutMs: 1000, progress: () => undefined },
};
const BLIND = unreadable('io', 'the file: input/output error (EIO)');

function freshHost(): FakeHost {
  const lo = { name: 'lo', up: true, kind: 'loopback', addresses: [], arp: arpValues() } as const;
  const eth0 = { name: 'eth0', up: true, kind: 'nic', addresses: [address('10.0.0.11' as Ip, 24)] } as const;
  return new FakeHost(
    {
      links: [
        { ...lo, addresses: [] },
        { ...eth0, addresses: [...eth0.addresses], arp: arpValues() },
      ],
      ...{ all: arpValues(), default: arpValues(), promoteSecondaries: true, files: {} },
    },
    [VIP],
  );
}

async function waiting(): Promise<FakeHost> {
  const host = freshHost();
  expect((await apply(host, desired, { ...OPTIONS, confirmMs: 60_000 })).ending).toBe('applied');
  return host;
}

const held = (host: FakeHost): boolean => host.state.links[0]?.addresses.some(({ ip }) => ip === VIP) ?? false;

function blindTo(host: FakeHost, part: Partial<Observed>): void {
  const observe = host.observe.bind(host);
  host.observe = (asked, forChange) => ({ ...observe(asked, forChange), ...part });
}

const BLINDNESS: readonly [string, (host: FakeHost) => unknown][] = [
  ['the boot id is not there', (host) => Object.assign(host, { bootClock: () => absent })],
  ['the boot id cannot be read', (host) => Object.assign(host, { bootClock: () => BLIND })],
  ['the ledger cannot be read', (host) => Object.assign(host, { readLedger: () => BLIND })],
  [
    'the ledger is corrupt',
    (host) => Object.assign(host, { readLedger: () => unreadable('corrupt', 'half a ledger') }),
  ],
  ['the local routes cannot be listed', (host) => blindTo(host, { localRoutes: BLIND })],
  ['the links cannot be listed', (host) => blindTo(host, { links: BLIND })],
  [
    'the routes that could go along cannot be listed',
    (host) => blindTo(host, { change: { routes: BLIND, promoteSecondaries: new Map() } }),
  ],
];

describe('nothing is taken back, nothing forgotten, and exit is not 0, where', () => {
  it.each(BLINDNESS)('%s', async (_what, blind) => {
    const host = await waiting();
    const [before, ledger] = [structuredClone(host.state), host.ledger];
    host.clock = { ...host.clock, ms: host.clock.ms + 60_000 };
    blind(host);
    const token = ledger?.unconfirmed?.token ?? '';
    for (const asked of [null, token]) {
      const report = await revert(host, asked, OPTIONS);
      expect([1, 5]).toContain(exitCode(report));
      expect(report.failure?.message).toMatch(/EIO|there is none|half a ledger/);
    }
    expect(host.state).toEqual(before);
    expect(host.ledger).toEqual(ledger);
  });

  it.each(BLINDNESS.slice(0, 4))('%s, to confirm', async (_what, blind) => {
    const host = await waiting();
    const ledger = host.ledger;
    blind(host);
    expect(exitCode(await confirm(host, OPTIONS))).toBe(1);
    expect(held(host)).toBe(true);
    expect(host.ledger).toEqual(ledger);
  });
});

it('--confirm is refused while the boot id cannot be read: nothing could tell a reboot later', async () => {
  const host = freshHost();
  host.bootClock = () => BLIND;
  const report = await apply(host, desired, { ...OPTIONS, confirmMs: 60_000 });
  expect([exitCode(report), host.performed, host.ledger]).toEqual([1, [], null]);
});

it('a ledger that cannot be written after all is taken back: said, and no bug', async () => {
  const host = await waiting();
  host.writeLedger = () => Promise.reject(new Error('ENOSPC: no space left on device'));
  const report = await revert(host, null, OPTIONS);
  expect(exitCode(report)).toBe(5);
  expect(report.failure?.message).toContain('ENOSPC');
  expect(held(host)).toBe(false);
});

it('what a local route of somebody else keeps set stays in the ledger, for a later remove', async () => {
  const host = await waiting();
  const observe = host.observe.bind(host);
  host.observe = (asked, forChange) => {
    const observed = observe(asked, forChange);
    const { localRoutes } = observed;
    const theirs = { destination: VIP, prefixLength: 32, device: 'lo' as InterfaceName };
    return localRoutes.kind === 'value'
      ? { ...observed, localRoutes: { ...localRoutes, value: [...localRoutes.value, theirs] } }
      : observed;
  };
  expect(exitCode(await revert(host, null, OPTIONS))).toBe(0);
  expect([held(host), host.state.all.arp_ignore]).toEqual([false, 1]);
  expect(host.ledger).toMatchObject({ addresses: [], applied: null, unconfirmed: null });
  expect(host.ledger?.sysctls).toContainEqual({
    setting: { scope: 'all', key: 'arp_ignore' },
    ...{ before: 0, set: 1 },
  });
});
