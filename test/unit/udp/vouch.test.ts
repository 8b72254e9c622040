import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BAD_IN_ROW,
  isSettled,
  type Look,
  type OverridesInEffect,
  observed,
  type Standing,
  UNDECIDED,
  type VouchRules,
  verdictOn,
} from '../../../src/udp/vouch.ts';

const RULES: VouchRules = { unknownGraceMs: 60_000, onDrift: 'silent' };
const NO_OVERRIDES: OverridesInEffect = { drain: null, vouch: null, stopping: false };
const INTERVAL_MS = 1000;

const look = fc.constantFrom<Look['judged']>('fit', 'unfit', 'unknown');
const looks = fc.array(look, { minLength: 1, maxLength: 200 });

/** The standing after these observations, one each interval, and the time of the last. */
function history(judged: readonly Look['judged'][], from: Standing = UNDECIDED): { standing: Standing; nowMs: number } {
  let standing = from;
  judged.forEach((one, index) => {
    standing = observed(standing, { judged: one, reason: one }, index * INTERVAL_MS);
  });
  return { standing, nowMs: (judged.length - 1) * INTERVAL_MS };
}

const verdict = (judged: readonly Look['judged'][], operator = NO_OVERRIDES, rules = RULES) => {
  const { standing, nowMs } = history(judged);
  return verdictOn(standing, operator, rules, nowMs);
};

describe('examples', () => {
  it.each([
    [[], 'cannot-tell'],
    [['fit'], 'vouched'],
    [['unfit'], 'drift'],
    [['unknown'], 'cannot-tell'],
    [['fit', 'unfit'], 'vouched'],
    [['fit', 'unfit', 'unfit'], 'drift'],
    [['fit', 'unfit', 'fit', 'unfit'], 'vouched'],
    [['fit', 'unfit', 'unknown', 'unfit'], 'drift'],
    [['fit', 'unfit', 'unfit', 'fit'], 'vouched'],
    [['fit', 'unknown', 'unknown'], 'vouched'],
    [['unfit', 'unknown'], 'drift'],
    [['unknown', 'fit'], 'vouched'],
  ] as const)('%j is %s', (judged, wanted) => {
    expect(verdict(judged).verdict).toBe(wanted);
  });

  it('an observation that fails keeps the verdict for unknownGrace and not a moment longer', () => {
    const { standing } = history(['fit', 'unknown']);
    expect(verdictOn(standing, NO_OVERRIDES, RULES, INTERVAL_MS + 60_000).verdict).toBe('vouched');
    expect(verdictOn(standing, NO_OVERRIDES, RULES, INTERVAL_MS + 60_001)).toMatchObject({
      verdict: 'cannot-tell',
      speaks: false,
    });
  });

  it('says why while still vouching', () => {
    expect(verdictOn(history(['fit', 'unknown']).standing, NO_OVERRIDES, RULES, 2000)).toMatchObject({
      verdict: 'vouched',
      reason: 'unknown',
    });
  });
});

describe('properties', () => {
  it('one bad observation between good ones never silences', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 100 }), (bad) => {
        const judged = [
          'fit' as const,
          ...bad.flatMap((one) => (one ? ['unfit' as const, 'fit' as const] : ['fit' as const])),
        ];
        return judged.every((_, index) => verdict(judged.slice(0, index + 1)).verdict === 'vouched');
      }),
    );
  });

  it('two bad ones in a row always silence, whatever came before; one good one always brings it back', () => {
    fc.assert(
      fc.property(looks, (before) => {
        expect(verdict([...before, 'unfit', 'unfit']).verdict).toBe('drift');
        expect(verdict([...before, 'fit']).verdict).toBe('vouched');
      }),
    );
  });

  it('never vouches before the first good observation, nor after a bad row without a good one since', () => {
    fc.assert(
      fc.property(looks, (judged) => {
        const lastFit = judged.lastIndexOf('fit');
        const badSince = judged.slice(lastFit + 1).filter((one) => one === 'unfit').length;
        const vouched = verdict(judged).verdict === 'vouched';
        if (lastFit < 0 || badSince >= BAD_IN_ROW) expect(vouched).toBe(false);
        else if (judged.length < 60) expect(vouched).toBe(true);
      }),
    );
  });

  it('agrees with a model that looks at the whole history', () => {
    fc.assert(
      fc.property(looks, fc.integer({ min: 0, max: 20_000 }), (judged, unknownGraceMs) => {
        expect(verdict(judged, NO_OVERRIDES, { ...RULES, unknownGraceMs }).verdict).toBe(model(judged, unknownGraceMs));
      }),
    );
  });

  it('stopping and drain never vouch; vouch always does, except against those two', () => {
    const operator = fc.record({
      drain: fc.option(fc.string()),
      vouch: fc.option(fc.string()),
      stopping: fc.boolean(),
    });
    fc.assert(
      fc.property(looks, operator, fc.constantFrom('silent' as const, 'report' as const), (judged, word, onDrift) => {
        const said = verdict(judged, word, { ...RULES, onDrift });
        if (word.stopping) expect(said).toMatchObject({ verdict: 'draining', speaks: false });
        else if (word.drain !== null) expect(said.verdict).toBe('draining');
        else if (word.vouch !== null) expect(said).toMatchObject({ verdict: 'vouched', speaks: true });
        // A vote is answered exactly when it vouches, or when drift is to be reported.
        if (!word.stopping) expect(said.speaks).toBe(said.verdict === 'vouched' || onDrift === 'report');
      }),
    );
  });

  it('settled means that the same observation again changes nothing', () => {
    fc.assert(
      fc.property(looks, (judged) => {
        const { standing, nowMs } = history(judged);
        if (!isSettled(standing)) return;
        const again = observed(standing, { judged: standing.verdict === 'fit' ? 'fit' : 'unfit', reason: '' }, nowMs);
        expect(verdictOn(again, NO_OVERRIDES, RULES, nowMs).verdict).toBe(
          verdictOn(standing, NO_OVERRIDES, RULES, nowMs).verdict,
        );
      }),
    );
  });
});

/** The rules again, said differently: from the end of the history backwards. */
function model(judged: readonly Look['judged'][], unknownGraceMs: number): string {
  const seen = judged.filter((one) => one !== 'unknown');
  if (seen.length === 0) return 'cannot-tell';
  const lastSeen = Math.max(judged.lastIndexOf('fit'), judged.lastIndexOf('unfit'));
  const blindMs = lastSeen === judged.length - 1 ? 0 : (judged.length - 1 - (lastSeen + 1)) * INTERVAL_MS;
  if (blindMs > unknownGraceMs) return 'cannot-tell';
  const trailingBad = seen.length - 1 - seen.lastIndexOf('fit');
  if (!seen.includes('fit')) return 'drift';
  return trailingBad >= BAD_IN_ROW ? 'drift' : 'vouched';
}
