import { describeAction } from '../../core/model/action.ts';
import type { Step } from '../../core/model/step.ts';
import { knownClosings } from '../../core/plan/closing.ts';
import type { Report } from '../../core/report/report.ts';
import { type Look, look } from '../look.ts';
import { stepReport } from '../plan.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { unchanged } from '../stop.ts';
import type { Under } from './guard.ts';
import { type Progress, performSteps } from './transaction.ts';

/**
 * Where the ledger cannot be written: nothing is done that it would not know of. A leak of which it has every value is closed
 * all the same, and what was not done is said.
 * @param why the ledger could not be written
 */
export async function closeWithoutWriting(
  host: Changing,
  base: Report,
  before: Look,
  planned: readonly Step[],
  options: Under & { readonly progress: Progress },
  why: Failure,
): Promise<Report> {
  const { ledger } = before.context;
  const closing = knownClosings(ledger.kind === 'value' ? ledger.value : null, planned);
  const report: Report = { ...base, judgement: before.judgement, ending: 'failed' };
  if (closing.length === 0 || host.preflightHost({ etc: false, ledger: false, addresses: 0 }) !== null)
    return { ...report, failure: unchanged(why) };
  const performed = await performSteps(host, closing, before.context, options, options.progress);
  const left = planned.filter((step) => !closing.includes(step) && step.phase !== 'ledger');
  const { judgement } = look(host, before.context.desired, false, before.early);
  const failed = performed.because === null ? '' : `, but not all of it: ${performed.because}`;
  const undone = left.length === 0 ? '' : `; not done for want of a ledger: ${shown(left)}`;
  return {
    ...report,
    judgement,
    steps: [...performed.reports, ...left.map((step) => stepReport(step, 'not-run'))],
    failure: {
      ...why,
      message: `${why.message}; what closes the leak was set all the same, because the ledger has it already${failed}${undone}`,
      next: `${why.next}; then run rsprep apply`,
    },
  };
}

function shown(steps: readonly Step[]): string {
  const words = steps.map(({ action }) => describeAction(action));
  return words.length > 3 ? `${words.slice(0, 3).join(', ')} and ${words.length - 3} more` : words.join(', ');
}
