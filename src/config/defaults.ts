import { type DurationLimits, formatDuration } from '../core/duration.ts';
import { DEFAULT_REPORT, DEFAULT_RESPONDER } from '../core/model/desired.ts';

/** What is in force where the file says nothing. Durations in the file's own words. */
export const DEFAULTS = {
  role: 'real-server',
  persist: true,
  responder: {
    port: DEFAULT_RESPONDER.port,
    interval: formatDuration(DEFAULT_RESPONDER.intervalMs),
    lease: formatDuration(DEFAULT_RESPONDER.leaseMs),
    onDrift: DEFAULT_RESPONDER.onDrift,
    unknownGrace: formatDuration(DEFAULT_RESPONDER.unknownGraceMs),
    stopGrace: formatDuration(DEFAULT_RESPONDER.stopGraceMs),
  },
  report: { remind: formatDuration(DEFAULT_REPORT.remindMs) },
  farm: { scheduler: 'wlc', weight: 1 },
} as const;

const S = 1_000;
const M = 60 * S;
const H = 60 * M;
/** Bounds of every duration. The responder's clients wait at most a lease, an operator at most the rest. */
export const LIMITS = {
  interval: { minMs: 100, maxMs: H },
  lease: { minMs: 200, maxMs: 24 * H },
  unknownGrace: { minMs: 0, maxMs: 24 * H },
  stopGrace: { minMs: 0, maxMs: M },
  remind: { minMs: M, maxMs: 365 * 24 * H },
} as const satisfies Record<string, DurationLimits>;
