import { describe, expect, it } from 'vitest';
import { type Changes, compare, type OpenFinding } from '../../../../src/core/report/compare.ts';
import { markTold, type NewsContext, newsOf } from '../../../../src/core/report/news.ts';
import { judged, open, wrongOf } from './support.ts';

const HOUR = 3_600_000;
const T0 = Date.parse('2026-01-02T00:00:00.000Z');
const quiet: NewsContext = { goneUntold: [], held: false, toldAt: null, remindMs: 24 * HOUR, nowMs: T0 };
const still = (finding: OpenFinding): Changes => ({ new: [], changed: [], gone: [], open: [finding], unseen: [] });

/** Runs a report every five minutes and returns at which minutes it said something. */
function minutesTold(minutes: number, foundAt: (minute: number) => boolean, context: Partial<NewsContext> = {}) {
  const told: number[] = [];
  let [before, toldAt]: [readonly OpenFinding[], string | null] = [[], null];
  for (let minute = 0; minute <= minutes; minute += 5) {
    const nowMs = T0 + minute * 60_000;
    const at = new Date(nowMs).toISOString();
    const judgement = judged(foundAt(minute) ? [wrongOf('arp-ignore', 'eth0')] : []);
    const changes = compare(before, { judgement, failure: null, at });
    const news = newsOf(changes, { ...quiet, ...context, toldAt, nowMs });
    if (news.worthTelling) [told[told.length], toldAt] = [minute, at];
    before = markTold(changes, news);
  }
  return told;
}

describe('cron sends mail', () => {
  it('never for a host on which nothing is wrong', () => expect(minutesTold(3000, () => false)).toEqual([]));
  it('once when drift begins and once when it is gone', () =>
    expect(minutesTold(600, (m) => m >= 30 && m < 300)).toEqual([30, 300]));
  it('again every `remind` while it lasts', () =>
    expect(minutesTold(3000, (m) => m >= 30)).toEqual([30, 30 + 1440, 30 + 2880]));
  it('at once when the last time lies ahead, because the clock was wrong, or is none', () => {
    const finding = open('arp-ignore', 'eth0', { told: true });
    for (const toldAt of ['2031-01-01T00:00:00.000Z', 'soon'])
      expect(newsOf(still(finding), { ...quiet, toldAt }).reminder).toBe(true);
    expect(newsOf(still(finding), { ...quiet, toldAt: new Date(T0 - HOUR).toISOString() }).reminder).toBe(false);
  });
  it('and not again for drift that was told, is gone and told', () =>
    expect(minutesTold(6000, (m) => m >= 30 && m < 60)).toEqual([30, 60]));
});

describe('on a held host', () => {
  const held = { ...quiet, held: true };
  it('a new leak is told, the rest is not', () => {
    const missing = open('vip-missing', 'x', { severity: 'high', told: false });
    expect(newsOf(still(missing), held).worthTelling).toBe(false);
    expect(newsOf(still(open('arp-ignore', 'eth0', { told: false })), held).worthTelling).toBe(true);
  });
  it('nobody is reminded', () => {
    const long = { ...held, toldAt: '2025-01-01T00:00:00.000Z' };
    expect(newsOf(still(open('arp-ignore', 'eth0')), long).worthTelling).toBe(false);
    expect(newsOf(still(open('arp-ignore', 'eth0')), { ...long, held: false }).reminder).toBe(true);
  });
  it('what began under the hold and still lasts is told after it', () => {
    const changes = still(open('vip-missing', 'x', { severity: 'high', told: false }));
    const [left] = markTold(changes, newsOf(changes, held));
    expect(left?.told).toBe(false);
    expect(newsOf(still(left ?? open('x', null)), quiet).fresh).toHaveLength(1);
  });
});

it('advice is said once and never repeated', () => {
  const advice = open('vip-scope', 'x', { severity: 'advice' });
  expect(newsOf(still(advice), { ...quiet, toldAt: '2025-01-01T00:00:00.000Z' }).worthTelling).toBe(false);
  expect(newsOf(still({ ...advice, told: false }), quiet).worthTelling).toBe(true);
});

it('what came and went before anybody was told is not told', () => {
  const gone = { ...open('x', null, { told: false }), because: 'fixed' as const };
  expect(newsOf({ ...still(open('y', null)), open: [], gone: [gone] }, quiet).worthTelling).toBe(false);
});
