import { describe, expect, it } from 'vitest';
import type { Wrong } from '../../../../src/core/model/finding.ts';
import { LO } from '../../../../src/core/model/names.ts';
import { decideHeal, freshHeal, type HealState } from '../../../../src/core/plan/heal.ts';
import { judged, unknownOf, wrongOf } from '../report/support.ts';

const HOUR = 3_600_000;
const at = (hours: number): string => new Date(Date.UTC(2026, 0, 1) + hours * HOUR).toISOString();
const start = freshHeal(at(0));
const fixable = (check: string, more: Partial<Wrong> = {}): Wrong =>
  wrongOf(check, null, { actions: [{ kind: 'set-link', device: LO, up: true }], ...more });
const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id);

describe('heal fixes', () => {
  it('drift, and what the next boot would undo', () => {
    const found = judged([fixable('a'), fixable('b', { cause: 'persisted', severity: 'high' })]);
    expect(ids(decideHeal(start, found, at(1)).fix)).toEqual(['a', 'b']);
  });
  it.each<[string, ReturnType<typeof fixable> | ReturnType<typeof unknownOf>]>([
    ['a configuration that was never applied', fixable('a', { cause: 'pending' })],
    ['what apply fixes only with an option', fixable('a', { needs: 'take-from-nic' })],
    ['what apply cannot fix', wrongOf('a', null)],
    ['advice', fixable('a', { severity: 'advice' })],
    ['what could not be looked at', unknownOf('a', null)],
  ])('never %s', (_, finding) => {
    expect(decideHeal(start, judged([finding]), at(1))).toMatchObject({ fix: [], givenUp: [] });
  });
});

describe('what comes back', () => {
  /** Breaks and heals `check` every `everyHours`; returns what was done each time. */
  function fight(everyHours: number, rounds: number, finding = fixable('a')): { did: string[]; state: HealState } {
    let state = start;
    const did: string[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const decision = decideHeal(state, judged([finding]), at(round * everyHours));
      did.push(decision.newlyGivenUp.length > 0 ? 'gives up' : decision.fix.length > 0 ? 'fixes' : 'nothing');
      state = decideHeal(
        decision.state,
        judged(decision.fix.length > 0 ? [] : [finding]),
        at(round * everyHours),
      ).state;
    }
    return { did, state };
  }
  it('twice is given up, and stays so', () => {
    expect(fight(1, 5).did).toEqual(['fixes', 'fixes', 'gives up', 'nothing', 'nothing']);
  });
  it('is fixed again where it stayed away for a day', () => {
    expect(fight(25, 5).did).toEqual(['fixes', 'fixes', 'fixes', 'fixes', 'fixes']);
  });
  it('does not keep the rest from being fixed, unless it is a leak', () => {
    const { state } = fight(1, 3, fixable('a', { severity: 'high' }));
    expect(ids(decideHeal(state, judged([fixable('a', { severity: 'high' }), fixable('b')]), at(4)).fix)).toEqual([
      'b',
    ]);
    const leaking = fight(1, 3).state;
    const both = judged([fixable('a'), fixable('vip-missing', { severity: 'high' })]);
    expect(decideHeal(leaking, both, at(4))).toMatchObject({ fix: [], givenUp: ['a'] });
  });
});
