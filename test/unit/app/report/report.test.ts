// `rsprep report` on a host that is a value: what it says, what it journals, what it leaves.
import { describe, expect, it } from 'vitest';
import type { Reporting } from '../../../../src/app/ports/report.ts';
import { recall } from '../../../../src/app/report/recall.ts';
import { type ReportRun, report, settle } from '../../../../src/app/report/report.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import { LO } from '../../../../src/core/model/names.ts';
import type { Observed } from '../../../../src/core/model/observed.ts';
import type { Override } from '../../../../src/core/model/override.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import { NOT_LOOKED_AT } from '../../../../src/core/model/surroundings.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import type { LastRun, RunRecord } from '../../../../src/core/report/journal.ts';
import { arpReadings } from '../../core/checks/host.ts';

interface Fake extends Reporting {
  readonly records: RunRecord[];
  last: LastRun | null;
  leaking: boolean;
  blind: boolean;
  overrides: readonly Override[];
  full: Error | null;
  minute: number;
  asked: number;
}

const desired = { ...emptyDesired, report: { textfile: '/var/x.prom', remindMs: 86_400_000 } };

function fakeHost(): Fake {
  const fake: Fake = {
    records: [],
    last: null,
    leaking: false,
    blind: false,
    overrides: [],
    full: null,
    minute: 0,
    asked: 0,
    observe: () => observedOf(fake),
    readLedger: () => absent,
    readOverrides: () => value(fake.overrides),
    hostName: () => 'rs1',
    now: () => new Date(Date.UTC(2026, 0, 1, 0, fake.minute)),
    monotonicMs: () => fake.minute * 60_000,
    bootClock: () => unreadable('io', 'no clock'),
    lastRecord: () => value(fake.records.at(-1) ?? null),
    journal: () => value({ records: fake.records, skipped: 0 }),
    appendRecord: (record) => {
      if (fake.full) throw fake.full;
      fake.records.push(record);
    },
    lastRun: () => (fake.last ? value(fake.last) : absent),
    writeLastRun: async (last) => {
      fake.last = last;
    },
    culprits: (findings) => {
      fake.asked += 1;
      return new Map(findings.map(({ id }) => [id, ['/etc/sysctl.d/50-x.conf:3']]));
    },
    explain: (error) => ({ text: String(error), forLackOfPrivilege: false }),
  };
  return fake;
}

/** Two interfaces; leaking means that eth0 answers for every address. */
function observedOf({ leaking, blind }: Fake): Observed {
  const keys = (ignore: number) => arpReadings({ arp_ignore: value(ignore) });
  const link = {
    ...{ name: LO, index: 1, up: true, loopback: true, noArp: false, kind: null, portKind: null, master: null },
    addresses: [],
  };
  const arp = new Map([
    ['all', keys(leaking ? 0 : 1)],
    ['default', keys(1)],
    ['eth0', keys(leaking ? 0 : 1)],
  ]);
  return {
    ...NOT_LOOKED_AT,
    links: value([link]),
    localRoutes: value([]),
    arp: blind ? unreadable('io', 'EIO') : value(arp),
    sysctlFile: absent,
    change: null,
  } as Observed;
}

async function once(host: Fake, minute: number, tell = true): Promise<ReportRun> {
  host.minute = minute;
  const run = report(host, desired, null, { strict: false });
  if (tell) await settle(host, run);
  return run;
}
const told = ({ news }: ReportRun): string[] => [
  ...news.fresh.map(({ id }) => `new ${id}`),
  ...news.gone.map(({ id }) => `gone ${id}`),
];

describe('report', () => {
  it('says drift once, and once that it is gone; every run has its line', async () => {
    const host = fakeHost();
    const said = [told(await once(host, 0)), told(await once(host, 5))];
    host.leaking = true;
    said.push(told(await once(host, 10)), told(await once(host, 15)));
    host.leaking = false;
    said.push(told(await once(host, 20)), told(await once(host, 25)));
    expect(said).toEqual([[], [], ['new arp-ignore@all'], [], ['gone arp-ignore@all'], []]);
    expect(host.records.map(({ seq, exit, open }) => [seq, exit, open])).toEqual([
      [1, 0, 0],
      [2, 0, 0],
      [3, exitOf(host.records[2]), 1],
      [4, exitOf(host.records[2]), 1],
      [5, 0, 0],
      [6, 0, 0],
    ]);
    expect(host.records[2]?.who).toEqual({ 'arp-ignore@all': ['/etc/sysctl.d/50-x.conf:3'] });
    expect(host.asked).toBe(1); // looked for who did it only when something was new
  });

  it('leaves alone what it has left before while nothing changes', async () => {
    const host = fakeHost();
    await once(host, 0);
    const before = host.last;
    expect((await once(host, 5)).toRemember).toBe(null);
    expect(host.last).toBe(before);
  });

  it('a run that is killed before it tells is told by the next, however often', async () => {
    const host = fakeHost();
    await once(host, 0);
    host.leaking = true;
    for (const minute of [5, 10, 15]) await once(host, minute, false);
    expect(host.records.filter(({ new: fresh }) => fresh)).toHaveLength(1);
    const run = await once(host, 20);
    expect(told(run)).toEqual(['new arp-ignore@all']);
    expect(run.news.fresh[0]?.since).toBe(new Date(Date.UTC(2026, 0, 1, 0, 5)).toISOString());
    expect(told(await once(host, 25))).toEqual([]);
    host.leaking = false;
    await once(host, 30, false);
    expect(told(await once(host, 35))).toEqual(['gone arp-ignore@all']);
    expect(told(await once(host, 40))).toEqual([]);
  });

  it('loses nothing and repeats nothing when only the journal is left', async () => {
    const host = fakeHost();
    host.leaking = true;
    await once(host, 0);
    await once(host, 5);
    host.last = null;
    expect(told(await once(host, 10))).toEqual([]);
    expect(recall(host).last.open.map(({ id }) => id)).toEqual(['arp-ignore@all']);
    host.leaking = false;
    expect(told(await once(host, 15))).toEqual(['gone arp-ignore@all']);
  });

  it('what could not be looked at is not gone', async () => {
    const host = fakeHost();
    host.leaking = true;
    await once(host, 0);
    [host.leaking, host.blind] = [false, true];
    const run = await once(host, 5);
    expect(run.changes.gone).toEqual([]);
    expect(run.changes.unseen.map(({ id }) => id)).toEqual(['arp-ignore@all']);
    host.blind = false;
    expect(told(await once(host, 10))).toContain('gone arp-ignore@all');
  });

  it('a broken configuration is told once, keeps what was open, and knows where the metrics go', async () => {
    const host = fakeHost();
    host.leaking = true;
    await once(host, 0);
    const failure = { kind: 'configuration', message: 'rsprep.yaml:3:1: unknown key', next: 'fix it' } as const;
    const broken = async (minute: number): Promise<ReportRun> => {
      host.minute = minute;
      const run = report(host, null, failure, { strict: false });
      await settle(host, run);
      return run;
    };
    const first = await broken(5);
    expect(told(first)).toEqual(['new run-failed']);
    expect(exitCode(first.report)).toBe(78);
    expect(first.textfile).toBe('/var/x.prom');
    expect(told(await broken(10))).toEqual([]);
    expect(told(await once(host, 15))).toEqual(['gone run-failed']);
  });

  it('a journal that cannot be written makes a run fail, but never hides drift', async () => {
    const host = fakeHost();
    host.last = null;
    host.full = new Error('no space left on the device');
    const well = await once(host, 0);
    expect(well.complaint).toContain('no space left');
    expect(exitCode(well.report)).toBe(1);
    expect(host.last).toBe(null);
  });

  it('remembers when a run could last tell', async () => {
    const host = fakeHost();
    const first = await once(host, 0);
    host.blind = true;
    const blind = await once(host, 5);
    expect(exitCode(blind.report)).toBe(1);
    expect(blind.successAt).toBe(first.report.at);
  });
});

const exitOf = (record: RunRecord | undefined): number => record?.exit ?? Number.NaN;
