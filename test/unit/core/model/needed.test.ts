import { describe, expect, it } from 'vitest';
import { mapped, need, orNull } from '../../../../src/core/model/needed.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';

const blind = unreadable('io', '/proc: input/output error');

describe('what a decision needs', () => {
  it('is all of it, as values', () => {
    expect(need({ links: value([1]), ledger: orNull<string>(absent) })).toEqual(value({ links: [1], ledger: null }));
  });

  it.each([
    ['unreadable', blind, blind],
    ['absent', absent, unreadable('io', 'local routes: there is none')],
  ])('is not there where one reading is %s', (_kind, reading, stopped) => {
    expect(need({ links: value([]), localRoutes: reading })).toEqual(stopped);
  });

  it('may be absent only where that is an answer; unreadable stays unreadable', () => {
    expect(orNull(blind)).toBe(blind);
    expect(mapped(blind, () => 1)).toBe(blind);
    expect(mapped(absent, () => 1)).toBe(absent);
    expect(mapped(value(1), (n) => n + 1)).toEqual(value(2));
  });
});
