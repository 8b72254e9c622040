import { expect, it } from 'vitest';
import { historyOf } from '../../../../src/core/report/history.ts';
import type { RunRecord } from '../../../../src/core/report/journal.ts';
import { renderHistory } from '../../../../src/format/history.ts';
import { makeStyle } from '../../../../src/format/style.ts';
import { open } from './support.ts';

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const run = (seq: number, minute: number, more: Partial<RunRecord> = {}): RunRecord => ({
  ...{ v: 1, seq, changedSeq: seq, told: 0, at: at(minute), exit: 0, ms: 40, open: 0 },
  ...more,
});
const leak = open('arp-ignore', 'eth0', { since: at(10), told: false });
const records = [
  run(1, 0),
  run(2, 5, { overrides: ['drain'] }),
  run(3, 10, { exit: 2, new: [leak], who: { 'arp-ignore@eth0': ['/etc/sysctl.d/50-x.conf:3'] } }),
  run(4, 15, { exit: 2 }),
  run(5, 20, { gone: [{ ...leak, because: 'fixed' }] }),
  // Nine hours without a run.
  run(6, 560, { exit: 1 }),
  run(7, 565),
];

it('adds up the time in drift, and knows nothing of the time in which nothing ran', () => {
  const history = historyOf(records, null, at(570));
  expect(history.driftMs).toBe(10 * 60_000);
  expect(history.observedMs).toBe((20 + 5 + 5) * 60_000);
  expect(history.totals).toEqual([{ check: 'arp-ignore', times: 1, openMs: 600_000, openNow: 0 }]);
  expect(history).toMatchObject({ runs: 7, failedRuns: 1 });
  expect(history.entries.map(({ what }) => what)).toEqual(['override', 'new', 'override-ended', 'gone', 'silence']);
});

it('--since cuts what was before, and still knows what was open then', () => {
  const history = historyOf(records, at(13), at(30));
  expect(history.driftMs).toBe(7 * 60_000);
  expect(history.totals).toMatchObject([{ check: 'arp-ignore', times: 0, openMs: 7 * 60_000 }]);
  expect(history.entries.map(({ what }) => what)).toEqual(['gone']);
});

it('is a timeline that a person can read', () => {
  expect(
    renderHistory('rs1', historyOf(records, null, at(570)), 2, makeStyle(false)).toString(),
  ).toMatchInlineSnapshot(`
    "rs1: 2026-01-01 00:00:00Z to 2026-01-01 09:30:00Z

    2026-01-01 00:05:00Z  BEGIN    drain in force
    2026-01-01 00:10:00Z  NEW      critical arp-ignore@eth0: 0; /etc/sysctl.d/50-x.conf:3
    2026-01-01 00:10:00Z  END      drain ended
    2026-01-01 00:20:00Z  GONE     critical arp-ignore@eth0 after 10m
    2026-01-01 00:20:00Z  GAP      no report ran, so nothing is known about this time (9h)

      arp-ignore                1 ×      10m open

    in drift for 10m of 30m (33.3 %); 7 runs, 1 could not tell
    note: 2 lines of the journal could not be read and are left out
    "
  `);
});

it('says that nothing is there', () => {
  expect(renderHistory('rs1', historyOf([], null, at(0)), 0, makeStyle(false)).toString()).toContain('0 runs');
});
