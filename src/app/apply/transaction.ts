import type { Action } from '../../core/model/action.ts';
import type { CheckContext } from '../../core/model/check.ts';
import type { Phase, Step } from '../../core/model/step.ts';
import type { StepReport } from '../../core/report/report.ts';
import { stepReport } from '../plan.ts';
import type { ActionResult, Changing } from '../ports/host.ts';
import { performGuarded, type Under } from './guard.ts';

export type Progress = (done: number, total: number) => void;

export interface Performed {
  readonly outcome: 'done' | 'failed' | 'interrupted';
  /** Also those of which nobody could see whether they were. */
  readonly done: readonly Step[];
  readonly reports: readonly StepReport[];
  /** What made it stop. */
  readonly because: string | null;
}

/**
 * Performs a plan phase by phase. A phase begins only once every step of the one before it is done and read back, so no VIP
 * is added while a single ARP setting is not as wanted. What may be done counts as done. Persisting is the exception: a live leak is closed even where /etc
 * cannot be written, and the failure is then reported as what it is, a setting that does not survive a reboot.
 */
export async function performSteps(
  host: Changing,
  steps: readonly Step[],
  seen: CheckContext,
  context: Under,
  progress: Progress,
): Promise<Performed> {
  const done: Step[] = [];
  const reports: StepReport[] = [];
  let stop: { outcome: 'failed' | 'interrupted'; because: string } | null = null;
  for (const phase of phasesOf(steps)) {
    if (stop === null && host.interrupted())
      stop = { outcome: 'interrupted', because: 'a signal asked rsprep to stop' };
    if (stop !== null) {
      reports.push(...phase.map((step) => stepReport(step, 'not-run')));
      continue;
    }
    const offset = reports.length;
    const whole = {
      ...{ ...context, interrupted: () => host.interrupted() },
      progress: (n: number) => progress(offset + n, steps.length),
    };
    const actions = phase.map(({ action }) => action);
    const results = await performGuarded(host, actions, whole, seen);
    for (const [index, step] of phase.entries()) {
      const result = results[index];
      if (result && mayBeDone(result)) done.push(step);
      reports.push(stepReport(step, result?.status ?? 'not-run', result?.detail ?? null));
    }
    if (phase[0]?.phase !== 'persist') stop = whyStopped(results);
  }
  return { outcome: stop?.outcome ?? 'done', done, reports, because: stop?.because ?? null };
}

/** Whether the host may be different for it. */
export const mayBeDone = ({ status, uncertain }: ActionResult): boolean => status === 'done' || uncertain === true;

function whyStopped(results: readonly ActionResult[]): { outcome: 'failed' | 'interrupted'; because: string } | null {
  const failed = results.find(({ status }) => status === 'failed');
  if (failed) return { outcome: 'failed', because: failed.detail ?? 'a step failed' };
  if (results.every(({ status }) => status === 'done')) return null;
  return { outcome: 'interrupted', because: 'a signal asked rsprep to stop' };
}

/** Steps come ordered; a run of one phase is one group. */
function phasesOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  let current: Phase | null = null;
  for (const step of steps) {
    if (step.phase !== current) groups.push([]);
    current = step.phase;
    groups.at(-1)?.push(step);
  }
  return groups;
}

/**
 * Performs actions of a rollback or a remove. They are tried one group after the other; a failure stops the rest, because
 * what follows (sysctls) is safe only once what went before (addresses gone) is done.
 */
export async function performUndo(
  host: Changing,
  groups: readonly (readonly Action[])[],
  seen: CheckContext | null,
  context: Under,
): Promise<readonly ActionResult[]> {
  const results: ActionResult[] = [];
  for (const actions of groups) {
    if (results.some(({ status }) => status !== 'done')) {
      results.push(...actions.map((action): ActionResult => ({ action, status: 'not-run', detail: null })));
    } else {
      const whole = { ...context, interrupted: () => false, progress: () => undefined };
      results.push(...(await performGuarded(host, actions, whole, seen)));
    }
  }
  return results;
}
