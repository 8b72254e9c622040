// What apply has to know before it changes anything, beyond what verify judges.
import { describe, expect, it } from 'vitest';
import { apply } from '../../../../src/app/apply/apply.ts';
import { confirm } from '../../../../src/app/apply/confirm.ts';
import { plan } from '../../../../src/app/plan.ts';
import { unreadable, value } from '../../../../src/core/model/reading.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import type { FakeHost } from '../../../support/fake-host.ts';
import { APPLYING, BLIND, observing, oneVip, oneVipHost } from '../../../support/one-vip.ts';

const lo = { arp_ignore: BLIND, arp_announce: value(0) };
const CASES: readonly [string, (host: FakeHost) => unknown][] = [
  [
    'conf/lo, which remove would put back',
    (host) =>
      observing(host, ({ arp }) => (arp.kind === 'value' ? { arp: value(new Map([...arp.value, ['lo', lo]])) } : {})),
  ],
  ['the routes', (host) => observing(host, () => ({ change: { routes: BLIND, promoteSecondaries: new Map() } }))],
  ['the ledger', (host) => Object.assign(host, { readLedger: () => BLIND })],
];

describe('nothing is changed or planned while it cannot be read', () => {
  it.each(CASES)('%s', async (_what, blind) => {
    const host = oneVipHost();
    blind(host);
    const options = { 'take-from-nic': false, prune: false };
    for (const report of [await apply(host, oneVip, APPLYING), plan(host, oneVip, options)]) {
      expect([exitCode(report), report.failure?.message]).toEqual([1, expect.stringContaining('EIO')]);
    }
    expect([host.performed, host.ledger]).toEqual([[], null]);
  });

  it.each([1, 2, 3])('the ledger, which could be read but for the %ith time: it is never forgotten', async (nth) => {
    const host = oneVipHost();
    await apply(host, oneVip, APPLYING);
    host.state.all.arp_ignore = 0;
    const owned = host.ledger?.sysctls;
    const read = host.readLedger.bind(host);
    let times = 0;
    host.readLedger = () => {
      times += 1;
      return times === nth ? BLIND : read();
    };
    await apply(host, oneVip, APPLYING);
    expect(host.ledger?.sysctls).toEqual(owned);
  });

  it('the machine id: the ledger would lose whose it is', async () => {
    const host = oneVipHost();
    host.machineId = () => BLIND;
    const report = await apply(host, oneVip, APPLYING);
    expect([exitCode(report), host.performed]).toEqual([1, []]);
  });
});

it('the persisted file: the settings are set, the file is not touched, and that is not fine', async () => {
  const host = oneVipHost();
  observing(host, () => ({ sysctlFile: BLIND }));
  const report = await apply(host, { ...oneVip, persist: true }, APPLYING);
  expect([exitCode(report), host.leaks()]).toEqual([1, []]);
  expect(host.performed.map(({ kind }) => kind)).not.toContain('write-file');
  expect(host.ledger?.sysctlFileBefore).toBeUndefined();
});

it.each(['corrupt', 'newer', 'io'] as const)(
  'boot does nothing with a ledger that is %s: it may say "not confirmed"',
  async (cause) => {
    const host = oneVipHost();
    host.readLedger = () => unreadable(cause, 'the ledger is not usable');
    const report = await apply(host, oneVip, { ...APPLYING, boot: true });
    expect([exitCode(report), host.performed]).toEqual([1, []]);
    expect(report.failure?.message).toContain('the ledger is not usable');
  },
);

it('the persisted file, to confirm: nothing is confirmed, and the apply still waits', async () => {
  const host = oneVipHost();
  await apply(host, { ...oneVip, persist: true }, { ...APPLYING, confirmMs: 60_000 });
  observing(host, () => ({ sysctlFile: BLIND }));
  const report = await confirm(host, APPLYING);
  expect([exitCode(report), host.ledger?.unconfirmed?.desired.persist]).toEqual([1, true]);
  expect(report.failure?.message).toMatch(/nothing is confirmed: .*EIO/);
  expect(host.armed.size).toBe(1);
});
