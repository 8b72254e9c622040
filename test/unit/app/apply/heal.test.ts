// heal on a host where something it goes by cannot be read or written: never "nothing to heal" and 0 while it does not know.
import { describe, expect, it } from 'vitest';
import { apply } from '../../../../src/app/apply/apply.ts';
import { heal } from '../../../../src/app/apply/heal.ts';
import type { Healing } from '../../../../src/app/ports/heal.ts';
import { absent, type Reading, unreadable, value } from '../../../../src/core/model/reading.ts';
import type { HealState } from '../../../../src/core/plan/heal.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import type { Report } from '../../../../src/core/report/report.ts';
import { address, FakeHost } from '../../../support/fake-host.ts';
import { APPLYING, BLIND, holdsVip, ONE_VIP, oneVip, oneVipHost } from '../../../support/one-vip.ts';

const healOn = (host: FakeHost, memory: Partial<Healing> = {}): Promise<Report> => {
  let state: Reading<HealState> = absent;
  const remembering: Partial<Healing> = {
    readHeal: () => state,
    writeHeal: async (next) => {
      state = value(next);
    },
  };
  return heal({ ...plain(host), ...remembering, ...memory } as Healing, APPLYING);
};

/** heal spreads its host, and a class keeps its methods to itself. */
function plain(host: FakeHost): object {
  const names = [...Object.getOwnPropertyNames(FakeHost.prototype), ...Object.keys(host)] as (keyof FakeHost)[];
  const methods = names.filter((name) => typeof host[name] === 'function');
  return Object.fromEntries(
    methods.map((name) => [name, (...args: never[]) => (host[name] as (...a: never[]) => unknown).apply(host, args)]),
  );
}

async function leaking(): Promise<FakeHost> {
  const host = oneVipHost();
  expect(exitCode(await apply(host, oneVip, APPLYING))).toBe(0);
  host.state.all.arp_ignore = 0;
  return host;
}

describe('a ledger that cannot be used: exit 1, nothing done, and the reason', () => {
  it.each([
    ['cannot be read', BLIND, 1],
    ['is corrupt', unreadable('corrupt', 'half a ledger'), 1],
    ['is a newer one', unreadable('newer', 'a newer rsprep wrote it'), 1],
    ['may not be read', unreadable('privilege', 'permission denied'), 77],
  ])('%s', async (_what, reading, code) => {
    const host = await leaking();
    host.readLedger = () => reading;
    const report = await healOn(host);
    expect([exitCode(report), host.state.all.arp_ignore]).toEqual([code, 0]);
    expect(report.failure?.message).toContain(reading.reason);
  });

  it('is gone, and the host holds what rsprep made', async () => {
    const host = await leaking();
    host.ledger = null;
    const report = await healOn(host);
    expect(exitCode(report)).toBe(1);
    expect(report.failure?.message).toMatch(/there is no ledger, but .*10\.0\.0\.100\/32 on lo/);
  });

  it('never was: nothing to heal, unless even that cannot be told', async () => {
    expect(exitCode(await healOn(oneVipHost()))).toBe(0);
    const host = oneVipHost();
    const observe = host.observe.bind(host);
    host.observe = (desired, forChange) => ({ ...observe(desired, forChange), links: BLIND });
    expect(exitCode(await healOn(host))).toBe(1);
  });

  it('cannot be read any more once it is to be written: kept as it is', async () => {
    const host = await leaking();
    const before = host.ledger;
    const read = host.readLedger.bind(host);
    let times = 0;
    host.readLedger = () => {
      times += 1;
      return times > 3 ? BLIND : read();
    };
    expect(exitCode(await healOn(host))).toBe(1);
    expect(host.ledger).toEqual(before);
  });
});

describe('what heal remembers', () => {
  it('cannot be written: the leak is closed all the same, and it is said', async () => {
    const host = await leaking();
    const report = await healOn(host, { writeHeal: () => Promise.reject(new Error('ENOSPC')) });
    expect([exitCode(report), host.state.all.arp_ignore]).toEqual([1, 1]);
    expect(report.failure?.message).toMatch(/cannot write down what it fixed: ENOSPC/);
  });

  it('cannot be read: fixed all the same, counted anew, and said', async () => {
    const host = await leaking();
    const report = await healOn(host, { readHeal: () => BLIND });
    expect([exitCode(report), host.state.all.arp_ignore]).toEqual([1, 1]);
    expect(report.failure?.message).toMatch(/counts anew: .*EIO/);
  });
});

it('while an apply waits for its confirmation nothing is healed, and a leak is not passed over as fine', async () => {
  const host = oneVipHost();
  await apply(host, oneVip, { ...APPLYING, confirmMs: 60_000 });
  expect(exitCode(await healOn(host))).toBe(0);
  host.state.all.arp_ignore = 0;
  const report = await healOn(host);
  expect([exitCode(report), host.state.all.arp_ignore, report.steps]).toEqual([2, 0, []]);
});

it('nothing is added while the ARP settings cannot be read', async () => {
  const host = oneVipHost();
  expect(exitCode(await apply(host, oneVip, APPLYING))).toBe(0);
  const [lo] = host.state.links;
  if (lo) lo.addresses = lo.addresses.filter(({ ip }) => ip !== ONE_VIP);
  host.arpNow = () => BLIND;
  // The look before the plan could read them; the one at the moment of adding cannot.
  const observe = host.observe.bind(host);
  const arp = value(new Map([...['all', 'default', 'lo', 'eth0']].map((name) => [name, SILENT] as const)));
  host.observe = (desired, forChange) => ({ ...observe(desired, forChange), arp });
  const report = await healOn(host);
  expect([exitCode(report), holdsVip(host)]).toEqual([4, false]);
  expect(report.failure?.message).toMatch(/not added, because the ARP settings cannot be read: .*EIO/);
});

const SILENT = { arp_ignore: value(1), arp_announce: value(2) };

it('an address of somebody else is no mark of rsprep', async () => {
  const host = oneVipHost();
  host.state.links[0]?.addresses.push(address(ONE_VIP, 32));
  expect(exitCode(await healOn(host))).toBe(0);
});
