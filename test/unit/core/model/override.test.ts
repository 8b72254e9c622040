// How long an override holds: by the clock that counts since boot, whatever happens to the wall clock.
import { expect, it } from 'vitest';
import { inEffect, type Moment, type Override, type OverrideKind } from '../../../../src/core/model/override.ts';

const SINCE = Date.UTC(2026, 10, 29, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString();

/** Said for a minute, an hour after boot. */
const said = (kind: OverrideKind): Override => ({
  kind,
  reason: 'x',
  who: 'root',
  since: iso(SINCE),
  until: iso(SINCE + MINUTE_MS),
  boot: { bootId: 'first', fromMs: 60 * MINUTE_MS, untilMs: 61 * MINUTE_MS },
});

const at = (passedMs: number, stepMs: number): Moment => ({
  iso: iso(SINCE + passedMs + stepMs),
  boot: { bootId: 'first', ms: 60 * MINUTE_MS + passedMs },
});
const rebooted = (upMs: number, wallMs: number): Moment => ({ iso: iso(wallMs), boot: { bootId: 'second', ms: upMs } });
const holds = (override: Override, now: Moment): boolean => inEffect([override], () => now).length > 0;

it.each([0, 3600_000, -3600_000, 365 * DAY_MS, -365 * DAY_MS])(
  'a step of the wall clock by %i ms changes nothing',
  (step) => {
    for (const kind of ['vouch', 'drain', 'hold'] as const) {
      expect(holds(said(kind), at(59_000, step))).toBe(true);
      expect(holds(said(kind), at(61_000, step))).toBe(false);
    }
  },
);

it('after a reboot the wall clock decides, and nothing holds longer after it than it was to hold', () => {
  for (const kind of ['vouch', 'drain', 'hold'] as const) {
    expect(holds(said(kind), rebooted(20_000, SINCE + 30_000))).toBe(true);
    expect(holds(said(kind), rebooted(20_000, SINCE + 61_000))).toBe(false);
    expect(holds(said(kind), rebooted(61_000, SINCE + 1000))).toBe(false);
  }
});

it('a wall clock before the beginning is wrong: nobody vouches on the strength of it, and a drain stays for its time', () => {
  expect(holds(said('vouch'), rebooted(20_000, SINCE - DAY_MS))).toBe(false);
  expect(holds(said('drain'), rebooted(20_000, SINCE - DAY_MS))).toBe(true);
  expect(holds(said('drain'), rebooted(61_000, SINCE - DAY_MS))).toBe(false);
});

it('where nobody can tell how long this host has been up, nobody vouches', () => {
  const blind = { iso: iso(SINCE + 1000), boot: null };
  expect(holds(said('vouch'), blind)).toBe(false);
  expect(holds(said('drain'), blind)).toBe(true);
});

it('without an end it holds, and no clock is asked', () => {
  const forEver = { ...said('vouch'), until: null };
  const nobodyAsks = (): Moment => {
    throw new Error('asked');
  };
  expect(inEffect([forEver], nobodyAsks)).toEqual([forEver]);
});

it('a file of before that has the wall clock alone is read as before', () => {
  const { boot: _boot, ...old } = said('vouch');
  expect(holds(old, at(59_000, 0))).toBe(true);
  expect(holds(old, at(61_000, 0))).toBe(false);
});
