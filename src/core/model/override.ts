import { type BootMoment, type BootSpan, hasEnded } from './boot-clock.ts';

/** drain: leave rotation · hold: hands off (no boot apply, no heal, no nagging) · vouch: say "fit" whatever the checks say. */
export type OverrideKind = 'drain' | 'hold' | 'vouch';

/** What the operator decided, kept in one file that survives a reboot. */
export interface Override {
  readonly kind: OverrideKind;
  readonly reason: string;
  /** Login name (and, under sudo, the person's). */
  readonly who: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** ISO 8601, UTC; null until `rsprep resume`. */
  readonly until: string | null;
  /** The same moment on a clock that no step of the wall clock moves; without it the wall clock decides. */
  readonly boot?: BootSpan & Pick<BootMoment, 'bootId'>;
}

/** Now, on both clocks; the second is null where it cannot be told. */
export interface Moment {
  readonly iso: string;
  readonly boot: BootMoment | null;
}

/** Absolute; `--root` goes before it. */
export const OVERRIDES_PATH = '/var/lib/rsprep/overrides.json';

/** Those in effect at an instant. An override without an end holds until somebody resumes. */
export const inEffect = (overrides: readonly Override[], now: () => Moment): readonly Override[] => {
  if (overrides.every(({ until }) => until === null)) return overrides;
  const moment = now();
  return overrides.filter((override) => holds(override, moment));
};

/**
 * In the boot it was said in, the clock that counts since boot decides: the wall clock may be set meanwhile. After a reboot only the wall
 * clock is left; where it is before the beginning it is wrong, and a word for "fit" does not hold on the strength of it, nor where
 * nobody can tell how long this host has been up.
 * Whatever it says, nothing holds for longer after a boot than it was to hold at all.
 */
function holds({ kind, since, until, boot }: Override, now: Moment): boolean {
  if (until === null) return true;
  if (boot && now.boot?.bootId === boot.bootId) return !hasEnded(boot, now.boot);
  if (boot && now.boot === null && kind === 'vouch') return false;
  if (until <= now.iso || (kind === 'vouch' && now.iso < since)) return false;
  return !boot || now.boot === null || now.boot.ms < Date.parse(until) - Date.parse(since);
}

export const overrideOf = (overrides: readonly Override[], kind: OverrideKind): Override | null =>
  overrides.find((override) => override.kind === kind) ?? null;

/** One of each kind at most: a second one replaces the first. */
export const withOverride = (overrides: readonly Override[], next: Override): readonly Override[] => [
  ...overrides.filter((override) => override.kind !== next.kind),
  next,
];
