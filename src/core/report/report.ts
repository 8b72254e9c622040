import type { Judgement } from '../judge.ts';
import type { Action } from '../model/action.ts';
import type { Desired } from '../model/desired.ts';
import type { Finding } from '../model/finding.ts';
import type { Override } from '../model/override.ts';
import type { Refusal } from '../model/refusal.ts';

/** Raised when a field changes its meaning or goes; minor versions only add. */
export const FORMAT_VERSION = '1.0';

export type StepStatus = 'done' | 'failed' | 'not-run' | 'undone' | 'kept' | 'planned';

export interface StepReport {
  readonly action: Action;
  readonly status: StepStatus;
  /** Id of the finding it fixes, or why it is done. */
  readonly cause: string;
  /** Why it failed or was kept. */
  readonly detail: string | null;
}

/** How a run that may change the host ended. */
export type Ending =
  | 'observed'
  | 'planned'
  | 'nothing-to-do'
  /** A held host, left alone. */
  | 'held'
  | 'applied'
  | 'removed'
  | 'refused'
  | 'rolled-back'
  | 'rollback-failed'
  | 'failed'
  | 'interrupted';

/** Everything a command has to say. Formatters render it; none of them decides an exit code. */
export interface Report {
  readonly command: 'verify' | 'plan' | 'apply' | 'confirm' | 'remove' | 'report' | 'check';
  readonly host: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly ending: Ending;
  readonly desired: Desired | null;
  readonly judgement: Judgement;
  readonly steps: readonly StepReport[];
  readonly refusals: readonly Refusal[];
  readonly overrides: readonly Override[];
  /** Their file could not be read: none is known, which does not mean that there is none. */
  readonly overridesUnknown?: boolean;
  /** What a person should know besides: adopted, recovered, kept. */
  readonly notes: readonly string[];
  /** Why it failed, where it did. */
  readonly failure: { readonly kind: FailureKind; readonly message: string; readonly next: string } | null;
  readonly strict: boolean;
  readonly durationMs: number;
}

export type FailureKind = 'failed' | 'permission' | 'locked' | 'configuration' | 'usage';

export interface Totals {
  readonly critical: number;
  readonly high: number;
  readonly advice: number;
  readonly unknown: number;
  readonly ignored: number;
}

export function totals({ findings, ignored }: Judgement): Totals {
  const count = (pick: (finding: Finding) => boolean): number => findings.filter(pick).length;
  return {
    critical: count((f) => f.kind === 'wrong' && f.severity === 'critical'),
    high: count((f) => f.kind === 'wrong' && f.severity === 'high'),
    advice: count((f) => f.kind === 'wrong' && f.severity === 'advice'),
    unknown: count((f) => f.kind === 'unknown'),
    ignored: ignored.length,
  };
}

/** A judgement in a few words. What could not be looked at is never "prepared", nor is it known to be wrong. */
export function inWords(judgement: Judgement): string {
  const { critical, high, unknown } = totals(judgement);
  if (critical + high > 0) return 'not as wanted';
  if (unknown === 0) return 'prepared';
  const blind = judgement.findings.some((finding) => finding.kind === 'unknown' && !finding.forLackOfPrivilege);
  return blind ? 'could not tell' : 'prepared, as far as this user can see';
}
