import type { Judgement } from '../judge.ts';
import type { IgnoreRule } from '../model/desired.ts';
import type { Finding, Wrong } from '../model/finding.ts';

/** Absolute; `--root` goes before it. Root's, like the ledger. */
export const HEAL_PATH = '/var/lib/rsprep/heal.json';
/** A finding that stays away this long after it was fixed is forgotten. */
const MEMORY_MS = 24 * 3_600_000;
/** Fixed this often, and there again: somebody else sets it, and heal does not fight. */
const MOST_FIXES = 2;
/** How the rules begin that keep what heal gave up on out of its plan. */
const REASON = 'rsprep heal gave up on it';

/** What heal did before, for as long as nobody applied anything since. */
export interface HealState {
  readonly format: 1;
  /** When the configuration was applied that heal goes by: an apply by a person begins anew. */
  readonly appliedAt: string;
  readonly fixed: Readonly<Record<string, { readonly times: number; readonly lastAt: string }>>;
  readonly gaveUp: Readonly<Record<string, string>>;
}

export const freshHeal = (appliedAt: string): HealState => ({ format: 1, appliedAt, fixed: {}, gaveUp: {} });

export interface HealDecision {
  readonly state: HealState;
  /** What this run fixes; empty means it touches nothing. */
  readonly fix: readonly Wrong[];
  /** Given up in this run. */
  readonly newlyGivenUp: readonly string[];
  /** Everything given up so far that is still wrong. */
  readonly givenUp: readonly string[];
}

/**
 * What heal may touch: drift that apply fixes without any option, and that did not come back twice. Where heal gave up on a
 * leak it touches nothing at all, because a VIP must not be added while the host leaks.
 */
export function decideHeal(before: HealState, { findings }: Judgement, at: string): HealDecision {
  const recent = Object.entries(before.fixed).filter(
    ([, { lastAt }]) => Date.parse(at) - Date.parse(lastAt) < MEMORY_MS,
  );
  const fixed = Object.fromEntries(recent);
  const fixable = findings.filter(isFixable);
  const back = fixable.filter(({ id }) => (fixed[id]?.times ?? 0) >= MOST_FIXES || before.gaveUp[id] !== undefined);
  const gaveUp = Object.fromEntries(back.map(({ id }) => [id, before.gaveUp[id] ?? at]));
  const leaks = back.some(({ severity }) => severity === 'critical');
  const fix = leaks ? [] : fixable.filter((finding) => !back.includes(finding));
  const counted = fix.map(({ id }) => [id, { times: (fixed[id]?.times ?? 0) + 1, lastAt: at }] as const);
  return {
    state: { ...before, fixed: { ...fixed, ...Object.fromEntries(counted) }, gaveUp },
    fix,
    newlyGivenUp: back.map(({ id }) => id).filter((id) => before.gaveUp[id] === undefined),
    givenUp: back.map(({ id }) => id),
  };
}

/** Drift, now or after the next boot. What is pending waits for a person, and so does what needs an option; advice is left alone. */
const isFixable = (finding: Finding): finding is Wrong =>
  finding.kind === 'wrong' &&
  finding.severity !== 'advice' &&
  finding.cause !== 'pending' &&
  finding.needs === null &&
  finding.actions.length > 0;

export const ignoreRules = (ids: readonly string[]): readonly IgnoreRule[] =>
  ids.map((id) => ({ id, reason: REASON, until: null }));

export const withoutHealRules = (rules: readonly IgnoreRule[]): readonly IgnoreRule[] =>
  rules.filter(({ reason }) => reason !== REASON);
