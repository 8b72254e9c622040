// A ledger that cannot be written, and a leak: what the ledger knows already is set again, nothing else is done, and it is said.
import { describe, expect, it } from 'vitest';
import { apply } from '../../../../src/app/apply/apply.ts';
import type { HostNeeds } from '../../../../src/app/ports/host.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import type { FakeHost } from '../../../support/fake-host.ts';
import { APPLYING, holdsVip, oneVip, oneVipHost } from '../../../support/one-vip.ts';

async function applied(): Promise<FakeHost> {
  const host = oneVipHost();
  expect(exitCode(await apply(host, oneVip, APPLYING))).toBe(0);
  return host;
}

const WAYS: readonly [string, (host: FakeHost) => unknown][] = [
  [
    'is known to be full before the first step',
    (host) =>
      Object.assign(host, {
        preflightHost: ({ ledger }: HostNeeds) =>
          ledger ? { kind: 'failed', message: 'ENOSPC', next: 'free space' } : null,
      }),
  ],
  [
    'turns out full at the first write',
    (host) => Object.assign(host, { writeLedger: () => Promise.reject(new Error('ENOSPC')) }),
  ],
];

describe.each(WAYS)('a disk that %s', (_what, fill) => {
  it.each([false, true])('a leak whose values the ledger has is closed (boot: %s)', async (boot) => {
    const host = await applied();
    host.state.all.arp_ignore = 0;
    host.state.all.arp_announce = 0;
    const ledger = host.ledger;
    fill(host);
    const report = await apply(host, oneVip, { ...APPLYING, boot });
    expect([exitCode(report), host.leaks(), host.ledger]).toEqual([1, [], ledger]);
    expect(report.failure?.message).toMatch(/ENOSPC.*what closes the leak was set all the same/);
    expect(report.steps.map(({ status }) => status)).toEqual(['done', 'done']);
  });

  it('an interface that was there before the first apply: its value is known, too', async () => {
    const host = await applied();
    for (const link of host.state.links) if (link.name === 'eth0') link.arp.arp_ignore = 3;
    fill(host);
    expect(exitCode(await apply(host, oneVip, APPLYING))).toBe(1);
    expect(host.leaks()).toEqual([]);
  });

  it('what the ledger would have to learn first is not done, and is named', async () => {
    const host = await applied();
    host.state.all.arp_ignore = 0;
    const [lo] = host.state.links;
    if (lo) lo.addresses = [];
    const vip2 = { ...oneVip.vips[0], address: '10.0.0.101' };
    fill(host);
    const report = await apply(host, { ...oneVip, vips: [...oneVip.vips, vip2 as never] }, APPLYING);
    expect([exitCode(report), holdsVip(host)]).toEqual([1, false]);
    if (report.steps.length > 0) expect(report.failure?.message).toContain('not done for want of a ledger');
  });

  it('without any ledger nothing is changed', async () => {
    const host = oneVipHost();
    fill(host);
    const before = structuredClone(host.state);
    const report = await apply(host, oneVip, APPLYING);
    expect([exitCode(report), host.state, host.ledger]).toEqual([1, before, null]);
    expect(report.failure?.next).toMatch(/nothing was changed$/);
  });
});

it('a ledger that cannot be written at the end: applied, said, and no success', async () => {
  const host = oneVipHost();
  const write = host.writeLedger.bind(host);
  host.writeLedger = (ledger) => (ledger.intent === null ? Promise.reject(new Error('EIO')) : write(ledger));
  const report = await apply(host, oneVip, APPLYING);
  expect([exitCode(report), report.ending, holdsVip(host)]).toEqual([1, 'applied', true]);
  expect(report.failure?.message).toMatch(/everything was applied, but cannot write the ledger: EIO/);
});

it('a hold that cannot be lifted is said, and no bug', async () => {
  const host = await applied();
  host.overrides = [{ kind: 'hold', reason: 'a test', who: 'root', since: '2026-11-22T11:00:00Z', until: null }];
  host.writeOverrides = () => Promise.reject(new Error('ENOSPC'));
  const report = await apply(host, oneVip, APPLYING);
  expect([exitCode(report), report.overrides.length]).toEqual([1, 1]);
  expect(report.failure?.message).toContain('the hold cannot be lifted');
});
