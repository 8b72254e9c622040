import type { Desired } from '../core/model/desired.ts';
import { assertNever } from '../core/model/names.ts';
import type { Step } from '../core/model/step.ts';
import { type Plan, type PlanOptions, planApply } from '../core/plan/plan.ts';
import type { Report, StepReport } from '../core/report/report.ts';
import { blinding } from './apply/blind.ts';
import { baseReport, look } from './look.ts';
import type { Looking } from './ports/host.ts';
import { ledgerFailure } from './stop.ts';

/** What apply would do, by the same path: observe, judge, plan. Changes nothing. */
export function plan(
  host: Looking,
  desired: Desired,
  options: PlanOptions,
  command: 'plan' | 'apply' = 'plan',
): Report {
  const startedMs = host.monotonicMs();
  const { context, judgement } = look(host, desired, true);
  const base = { ...baseReport(host, command, desired), judgement };
  // A corrupt ledger stops nothing: apply sets it aside, and plans as if there were none.
  const unusable = context.ledger.kind === 'unreadable' ? ledgerFailure(context.ledger) : null;
  const blind = unusable ?? blinding(context, judgement);
  const made: Plan = blind ? { kind: 'nothing-to-do' } : planApply(context, judgement, options);
  const durationMs = host.monotonicMs() - startedMs;
  if (blind) return { ...base, ending: 'failed', failure: blind, durationMs };
  return { ...base, ...endingOf(made), durationMs };
}

function endingOf(made: Plan): Pick<Report, 'ending' | 'steps' | 'refusals'> {
  switch (made.kind) {
    case 'nothing-to-do':
      return { ending: 'planned', steps: [], refusals: [] };
    case 'steps':
      return { ending: 'planned', steps: made.steps.map((step) => stepReport(step, 'planned')), refusals: [] };
    case 'refused':
      return { ending: 'refused', steps: [], refusals: made.because };
    default:
      return assertNever(made);
  }
}

export const stepReport = (step: Step, status: StepReport['status'], detail: string | null = null): StepReport => ({
  action: step.action,
  status,
  cause: step.cause.id,
  detail,
});
