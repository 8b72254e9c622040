// Ledgers as they lie on hosts: of older formats (real ones: ledgers/README.md), of a later version, and broken.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplyOptions, apply } from '../../../../src/app/apply/apply.ts';
import { revert } from '../../../../src/app/apply/confirm.ts';
import { remove } from '../../../../src/app/remove/remove.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import { LEDGER_FORMAT, LEDGER_PATH, type Ledger } from '../../../../src/core/model/ledger.ts';
import type { InterfaceName, Ip } from '../../../../src/core/model/names.ts';
import type { Reading } from '../../../../src/core/model/reading.ts';
import { explicitInterfaces, renderSysctlFile, SYSCTL_FILE } from '../../../../src/core/sysctl/file.ts';
import { Paths } from '../../../../src/linux/files/paths.ts';
import { readLedger, writeLedger } from '../../../../src/linux/state/ledger.ts';
import { address, arpValues, FakeHost, type FakeState } from '../../../support/fake-host.ts';

interface Captured {
  readonly before: CapturedHost;
  readonly after: CapturedHost;
  readonly ledger: object;
}
interface CapturedHost {
  readonly all: Record<string, number>;
  readonly default: Record<string, number>;
  readonly links: readonly { name: string; arp: Record<string, number>; addresses: readonly CapturedAddress[] }[];
}
interface CapturedAddress {
  readonly ip: string;
  readonly prefixLength: number;
  readonly scope: string;
  readonly label: string | null;
}

const FOLDER = join(import.meta.dirname, 'ledgers/format-1');
const NAMES = readdirSync(FOLDER)
  .map((name) => name.replace('.json', ''))
  .toSorted();
const load = (name: string): Captured => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'));

const VIPS = ['10.0.0.100', '2001:db8::10'] as const;
const desired = {
  ...emptyDesired,
  persist: true,
  vips: VIPS.map((text) => ({ address: text as Ip, device: 'lo' as InterfaceName, services: [] })),
};
const APPLY: ApplyOptions = {
  ...{ 'take-from-nic': false, prune: false, boot: false, confirmMs: null, lockTimeoutMs: 0, timeoutMs: 1000 },
  strict: false,
  progress: () => undefined,
};
const REMOVE = { force: false, drainWaitMs: 0, lockTimeoutMs: 0, timeoutMs: 1000, reason: 'test' };

const stateOf = (host: CapturedHost, files: FakeState['files'] = {}): FakeState => ({
  links: host.links.map(({ name, arp, addresses }) => ({
    name,
    up: true,
    kind: name === 'lo' ? 'loopback' : 'nic',
    addresses: addresses.map(({ ip, prefixLength, scope, label }) =>
      address(
        ip as Ip,
        prefixLength,
        scope,
        label,
        VIPS.some((vip) => vip === ip && ip.includes(':')),
      ),
    ),
    arp: arpValues(arp),
  })),
  all: arpValues(host.all),
  default: arpValues(host.default),
  promoteSecondaries: true,
  files,
});

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rsprep-ledger-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const put = (ledger: unknown): void => {
  const path = join(root, LEDGER_PATH);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(ledger));
};
const read = (ledger: unknown): Reading<Ledger> => {
  put(ledger);
  return readLedger(new Paths(root));
};
function readWhole(ledger: unknown): Ledger {
  const reading = read(ledger);
  if (reading.kind !== 'value') throw new Error(reading.kind === 'unreadable' ? reading.reason : 'absent');
  return reading.value;
}

/** The host on which the ledger was captured, with that ledger as it is read today. */
function hostOf(name: string): FakeHost {
  const { after, ledger } = load(name);
  const carried = readWhole(ledger);
  const persisted = carried.applied !== null && !carried.unconfirmed;
  const file = renderSysctlFile(explicitInterfaces(carried));
  const fake = new FakeHost(
    stateOf(after, persisted ? { [SYSCTL_FILE]: file } : {}),
    desired.vips.map((v) => v.address),
  );
  fake.ledger = carried;
  fake.clock = { bootId: carried.unconfirmed?.bootId ?? 'boot-1', ms: 1_000_000 };
  return fake;
}

/** The same thing said in today's words: a path of five segments is a scope and a key. */
const inWordsOfToday = (ledger: object): unknown =>
  JSON.parse(
    JSON.stringify(ledger)
      .replace(/"path":\["net","ipv4","conf","([^"]+)","(arp_\w+)"\]/g, '"setting":{"scope":"$1","key":"$2"}')
      .replaceAll('"format":1', '"format":2'),
  );

describe('a ledger of format 1', () => {
  it('was captured after each kind of run', () => {
    expect(NAMES).toEqual([
      'adopted',
      'applied',
      'killed',
      'rejected',
      'restored',
      'taken',
      'unconfirmed',
      'unconfirmed-change',
    ]);
  });

  it.each(NAMES)('%s: is read whole, and written as today’s', async (name) => {
    const { ledger } = load(name);
    const carried = readWhole(ledger);
    expect(carried).toEqual(inWordsOfToday(ledger));
    expect(JSON.stringify(carried)).not.toContain('"conf"');
    await writeLedger(new Paths(root), carried);
    expect(readLedger(new Paths(root))).toEqual({ kind: 'value', value: carried });
  });

  it.each(['applied', 'restored', 'adopted', 'taken'])(
    '%s: apply finds nothing to do and adopts nothing twice',
    async (name) => {
      const fake = hostOf(name);
      const { ledger } = fake;
      const report = await apply(fake, desired, APPLY);
      expect(report).toMatchObject({ ending: 'nothing-to-do', failure: null, steps: [] });
      expect(fake.ledger).toBe(ledger);
      expect(fake.performed).toEqual([]);
    },
  );

  it.each(['applied', 'restored', 'killed'])('%s: remove goes back to exactly what was there before', async (name) => {
    const fake = hostOf(name);
    const report = await remove(fake, desired, REMOVE);
    expect(report).toMatchObject({ ending: 'removed', failure: null });
    expect(fake.state).toEqual(stateOf(load(name).before));
    expect(fake.newLeaks).toEqual([]);
  });

  it.each(['adopted', 'taken'])('%s: remove goes back to what was there before, without the VIP', async (name) => {
    const fake = hostOf(name);
    const report = await remove(fake, desired, REMOVE);
    expect(report).toMatchObject({ ending: 'removed', failure: null });
    const before = stateOf(load(name).before);
    for (const link of before.links) link.addresses = link.addresses.filter(({ ip }) => ip !== VIPS[0]);
    expect(fake.state).toEqual(before);
  });

  it('unconfirmed: is taken back exactly, settings and all', async () => {
    const fake = hostOf('unconfirmed');
    expect(await revert(fake, null, APPLY)).toMatchObject({ ending: 'nothing-to-do', failure: null });
    expect(fake.state).toEqual(stateOf(load('unconfirmed').before));
    expect(fake.ledger).toMatchObject({ format: LEDGER_FORMAT, sysctls: [], unconfirmed: null });
  });

  it('unconfirmed over an earlier apply: goes back to that one, with its ledger, from which remove goes back further', async () => {
    const fake = hostOf('unconfirmed-change');
    const { before } = load('unconfirmed-change');
    expect(await revert(fake, null, APPLY)).toMatchObject({ ending: 'nothing-to-do', failure: null });
    expect(fake.ledger?.sysctls).toContainEqual({ setting: { scope: 'all', key: 'arp_ignore' }, before: 0, set: 1 });
    expect(await remove(fake, desired, REMOVE)).toMatchObject({ ending: 'removed', failure: null });
    expect(fake.state).toEqual(stateOf(before));
  });
});

describe('a ledger that is not ours to read', () => {
  const empty = readWholeEmpty();
  const owned = (setting: unknown) => ({ ...empty, sysctls: [{ setting, before: 0, set: 1 }] });
  const cases: readonly [string, unknown, string][] = [
    ['a later format', { ...empty, format: LEDGER_FORMAT + 1 }, 'newer'],
    ['a key that this version does not manage', owned({ scope: 'all', key: 'arp_novel' }), 'newer'],
    [
      'such a key in what takes a --confirm back',
      waiting({ setting: { scope: 'all', key: 'arp_novel' }, to: 0 }),
      'newer',
    ],
    ['a scope that leads out of its folder', owned({ scope: '..', key: 'arp_ignore' }), 'corrupt'],
    ['a scope with a slash', owned({ scope: 'eth0/../all', key: 'arp_ignore' }), 'corrupt'],
    [
      'a path in today’s format',
      { ...empty, sysctls: [{ path: ['net', 'ipv4', 'conf', 'all', 'arp_ignore'] }] },
      'corrupt',
    ],
    [
      'format 1 with a foreign path',
      { ...empty, format: 1, sysctls: [{ path: ['kernel', 'a', 'b', 'c', 'd'], before: 0, set: 1 }] },
      'corrupt',
    ],
    ['a format before the first', { ...empty, format: 0 }, 'corrupt'],
    ['no format', { ...empty, format: 'x' }, 'corrupt'],
    ['a list', [], 'corrupt'],
  ];

  function readWholeEmpty(): object {
    const { ledger } = load('rejected');
    return { ...(inWordsOfToday(ledger) as object), rejected: undefined };
  }
  function waiting(action: object): object {
    const { ledger } = load('unconfirmed');
    const today = inWordsOfToday(ledger) as { unconfirmed: object };
    return {
      ...today,
      unconfirmed: { ...today.unconfirmed, undo: [[{ kind: 'set-sysctl', onlyIf: null, ...action }]] },
    };
  }

  it.each(cases)('%s', (_name, ledger, cause) => expect(read(ledger)).toMatchObject({ kind: 'unreadable', cause }));
});
