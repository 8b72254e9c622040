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
}

/** Absolute; `--root` goes before it. */
export const OVERRIDES_PATH = '/var/lib/rsprep/overrides.json';

/** Those in effect at an instant. An override without an end holds until somebody resumes. */
export const inEffect = (overrides: readonly Override[], nowIso: string): readonly Override[] =>
  overrides.filter((override) => override.until === null || override.until > nowIso);

export const overrideOf = (overrides: readonly Override[], kind: OverrideKind): Override | null =>
  overrides.find((override) => override.kind === kind) ?? null;

/** One of each kind at most: a second one replaces the first. */
export const withOverride = (overrides: readonly Override[], next: Override): readonly Override[] => [
  ...overrides.filter((override) => override.kind !== next.kind),
  next,
];
