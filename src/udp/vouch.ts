/**
 * What the responder answers, as a pure function of what was observed, the operator's overrides, and the clock. A false
 * alarm must not take a farm down: silence takes two bad observations in a row, one good one ends it, and an observation that
 * could not be made keeps the last verdict for a while.
 */

/** One observation of one subject (the host, a VIP, or a service of a VIP). */
export interface Look {
  readonly judged: 'fit' | 'unfit' | 'unknown';
  /** Why not fit, in a line; empty when fit. */
  readonly reason: string;
}

/** What is known of a subject. `undecided`: never yet observed one way or the other. */
export interface Standing {
  readonly verdict: 'fit' | 'unfit' | 'undecided';
  readonly badInRow: number;
  /** Since when observations have failed, milliseconds of a clock that never jumps; null while they succeed. */
  readonly unknownSinceMs: number | null;
  readonly reason: string;
}

export interface VouchRules {
  readonly unknownGraceMs: number;
  readonly onDrift: 'silent' | 'report';
}

/** The overrides in effect, each with its reason. Drain wins over vouch: leaving rotation is what cannot hurt a client. */
export interface OverridesInEffect {
  readonly drain: string | null;
  readonly vouch: string | null;
  /** The responder is ending. */
  readonly stopping: boolean;
}

/** What is answered about a subject, and why. */
export interface SubjectVerdict {
  readonly verdict: 'vouched' | 'drift' | 'draining' | 'cannot-tell';
  /** Whether a vote is answered. */
  readonly speaks: boolean;
  readonly reason: string;
}

/** Bad observations in a row that end vouching. */
export const BAD_IN_ROW = 2;

export const UNDECIDED: Standing = {
  verdict: 'undecided',
  badInRow: 0,
  unknownSinceMs: null,
  reason: 'not yet observed',
};

/** What is known after one more observation. */
export function observed(before: Standing, look: Look, nowMs: number): Standing {
  switch (look.judged) {
    case 'fit':
      return { verdict: 'fit', badInRow: 0, unknownSinceMs: null, reason: '' };
    case 'unfit': {
      const badInRow = before.badInRow + 1;
      const stays = before.verdict === 'fit' && badInRow < BAD_IN_ROW;
      return { verdict: stays ? 'fit' : 'unfit', badInRow, unknownSinceMs: null, reason: look.reason };
    }
    case 'unknown':
      return { ...before, unknownSinceMs: before.unknownSinceMs ?? nowMs, reason: look.reason };
  }
}

/** What to answer about a subject now. */
export function verdictOn(
  standing: Standing,
  overrides: OverridesInEffect,
  rules: VouchRules,
  nowMs: number,
): SubjectVerdict {
  if (overrides.stopping) return { verdict: 'draining', speaks: false, reason: 'the responder is stopping' };
  const speaks = rules.onDrift === 'report';
  if (overrides.drain !== null) return { verdict: 'draining', speaks, reason: overrides.drain };
  if (overrides.vouch !== null) return { verdict: 'vouched', speaks: true, reason: overrides.vouch };
  if (standing.verdict === 'undecided') return { verdict: 'cannot-tell', speaks, reason: standing.reason };
  const blindMs = standing.unknownSinceMs === null ? 0 : nowMs - standing.unknownSinceMs;
  if (blindMs > rules.unknownGraceMs) return { verdict: 'cannot-tell', speaks, reason: standing.reason };
  if (standing.verdict === 'unfit') return { verdict: 'drift', speaks, reason: standing.reason };
  return { verdict: 'vouched', speaks: true, reason: standing.reason };
}

/** Whether one more observation like the last would change nothing: then the next may wait. */
export const isSettled = ({ verdict, badInRow, unknownSinceMs }: Standing): boolean =>
  unknownSinceMs === null && (verdict === 'fit' ? badInRow === 0 : verdict === 'unfit' && badInRow >= BAD_IN_ROW);
