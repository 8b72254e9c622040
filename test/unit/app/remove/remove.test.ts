// remove, and something it needs that nobody can read or write: nothing is passed over as absent, and exit is not 0.
import { describe, expect, it } from 'vitest';
import { apply } from '../../../../src/app/apply/apply.ts';
import { planOfRemove, remove } from '../../../../src/app/remove/remove.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import { arpValues, type FakeHost } from '../../../support/fake-host.ts';
import { APPLYING, BLIND, holdsVip, observing, oneVip, oneVipHost, REMOVING } from '../../../support/one-vip.ts';

async function applied(): Promise<FakeHost> {
  const host = oneVipHost();
  expect(exitCode(await apply(host, oneVip, APPLYING))).toBe(0);
  host.rebase();
  return host;
}

/** `default/arp_ignore`, say, cannot be read. */
const withoutKey = (scope: string) => (host: FakeHost) =>
  observing(host, ({ arp }) => {
    const settings = arp.kind === 'value' ? arp.value.get(scope) : undefined;
    return arp.kind === 'value' && settings
      ? { arp: value(new Map([...arp.value, [scope, { ...settings, arp_ignore: BLIND }]])) }
      : {};
  });

const BLINDNESS: readonly [string, (host: FakeHost) => unknown][] = [
  ['links', (host) => observing(host, () => ({ links: BLIND }))],
  ['local routes', (host) => observing(host, () => ({ localRoutes: BLIND }))],
  ['all ARP settings', (host) => observing(host, () => ({ arp: BLIND }))],
  ['the setting of default', withoutKey('default')],
  ['the setting of lo', withoutKey('lo')],
  ['the setting of a NIC', withoutKey('eth0')],
  ['the persisted file', (host) => observing(host, () => ({ sysctlFile: BLIND }))],
  ['routes', (host) => observing(host, () => ({ change: { routes: BLIND, promoteSecondaries: new Map() } }))],
  ['the routing', (host) => observing(host, () => ({ routing: BLIND }))],
  [
    'whether eth0 forwards',
    (host) => observing(host, () => ({ knobs: new Map([['net/ipv4/conf/eth0/forwarding', BLIND]]) })),
  ],
  ['the ledger', (host) => Object.assign(host, { readLedger: () => BLIND })],
  ['the machine id', (host) => Object.assign(host, { machineId: () => BLIND })],
  ['the overrides', (host) => Object.assign(host, { readOverrides: () => BLIND })],
  ['connections', (host) => Object.assign(host, { establishedTo: () => BLIND })],
];

describe('remove changes nothing while it cannot read', () => {
  it.each(BLINDNESS)('%s', async (_what, blind) => {
    const host = await applied();
    const [state, ledger] = [structuredClone(host.state), host.ledger];
    blind(host);
    const report = await remove(host, oneVip, REMOVING);
    expect([exitCode(report), report.failure?.message]).toEqual([1, expect.stringContaining('EIO')]);
    expect([host.state, host.ledger, host.overrides]).toEqual([state, ledger, []]);
  });

  it.each([1, 2, 3])('the ledger for the %ith time', async (nth) => {
    const host = await applied();
    const [state, ledger] = [structuredClone(host.state), host.ledger];
    const read = host.readLedger.bind(host);
    let times = 0;
    host.readLedger = () => {
      times += 1;
      return times === nth ? BLIND : read();
    };
    const report = await remove(host, oneVip, REMOVING);
    if (exitCode(report) === 0) expect([holdsVip(host), host.ledger]).toEqual([false, null]);
    else expect([host.state, host.ledger]).toEqual([state, ledger]);
  });

  it('and its preview says so too', async () => {
    const host = await applied();
    observing(host, () => ({ localRoutes: BLIND }));
    expect(exitCode(planOfRemove(host, oneVip))).toBe(1);
  });
});

describe('a remove that fails', () => {
  it('after the write: counts as done, and is taken back before the VIP is', async () => {
    for (let n = 0; n < 6; n += 1) {
      const host = await applied();
      const state = structuredClone(host.state);
      host.uncertainAt = n;
      const report = await remove(host, oneVip, REMOVING);
      expect(host.newLeaks).toEqual([]);
      if (report.ending === 'rolled-back') expect(host.state).toEqual(state);
    }
  });

  const meddling: readonly [string, (host: FakeHost) => void, RegExp][] = [
    [
      'are open again',
      (host) => {
        for (const link of host.state.links) link.arp.arp_ignore = 3;
      },
      /would answer/,
    ],
    ['cannot be read', (host) => void Object.assign(host, { arpNow: () => BLIND }), /cannot be read: .*EIO/],
    ['are not there', (host) => void Object.assign(host, { arpNow: () => absent }), /cannot be read/],
  ];

  it.each(meddling)('does not put the VIP back while the ARP settings %s: exit 5', async (_what, meddle, said) => {
    const host = await applied();
    host.failAt = 2;
    const perform = host.perform.bind(host);
    host.perform = async (actions, context) => {
      const results = await perform(actions, context);
      if (results.some(({ status }) => status === 'failed')) meddle(host);
      return results;
    };
    const report = await remove(host, oneVip, REMOVING);
    expect([exitCode(report), holdsVip(host), host.newLeaks]).toEqual([5, false, []]);
    expect(report.failure?.message).toMatch(said);
    // The ledger still knows what was ours.
    expect(host.ledger?.sysctls.length).toBeGreaterThan(0);
  });
});

describe('what cannot be written at the end is no success', () => {
  it('the hold: boot would put the VIP back', async () => {
    const host = await applied();
    host.writeOverrides = () => Promise.reject(new Error('ENOSPC'));
    const report = await remove(host, oneVip, REMOVING);
    expect([exitCode(report), holdsVip(host), report.overrides]).toEqual([1, false, []]);
    expect(report.failure?.message).toMatch(/everything was removed, but the hold cannot be written: ENOSPC/);
    expect(report.notes.join()).not.toContain('held');
  });

  it('the ledger: the hold stands already', async () => {
    const host = await applied();
    host.deleteLedger = () => {
      throw new Error('EROFS');
    };
    const report = await remove(host, oneVip, REMOVING);
    expect([exitCode(report), holdsVip(host)]).toEqual([1, false]);
    expect(host.overrides).toMatchObject([{ kind: 'hold' }]);
    expect(report.failure?.message).toContain('EROFS');
  });
});

it('a broken configuration does not hide a proxy that answers once the VIP is gone', async () => {
  const host = await applied();
  const asked: string[] = [];
  const observe = host.observe.bind(host);
  host.observe = (desired, forChange) => {
    asked.push(...(desired?.vips ?? []).map(({ address }) => address));
    const main = [{ device: 'eth1', destination: '0.0.0.0', prefixLength: 0, gateway: null }];
    const nothing = { answers: [], own: [], nearReplies: [], behindRoutes: [], hops: [], arrivals: [] };
    const routing = value({ ...nothing, main, proxyNeighbours: [] }) as never;
    const knobs = new Map(['forwarding', 'proxy_arp'].map((key) => [`net/ipv4/conf/eth0/${key}`, value(1)]));
    return { ...observe(desired, forChange), routing, knobs };
  };
  const report = await remove(host, null, REMOVING);
  expect([exitCode(report), holdsVip(host)]).toEqual([78, true]);
  expect(report.refusals).toMatchObject([{ code: 'proxy-answers' }]);
  expect(asked).toContain('10.0.0.100');
});

it('a corrupt ledger is set aside, nothing is deleted, and that is no success', async () => {
  const host = await applied();
  host.readLedger = () => (host.ledger === null ? absent : unreadable('corrupt', 'half a ledger'));
  const report = await remove(host, oneVip, REMOVING);
  expect([exitCode(report), holdsVip(host)]).toEqual([1, true]);
  expect(host.state.all).toEqual(arpValues({ arp_ignore: 1, arp_announce: 2 }));
});
