import { checkNamed } from '../../core/checks/registry.ts';
import type { Judgement } from '../../core/judge.ts';
import type { CheckContext } from '../../core/model/check.ts';
import type { Failure } from '../ports/host.ts';

/**
 * Why this host must not be changed now: something that decides between a leak and none could not be observed. Nothing is
 * planned from a partly loaded view.
 * @param consequence in words
 */
export function blinding(
  context: CheckContext,
  judgement: Judgement,
  consequence = 'nothing was changed',
): Failure | null {
  const unknown = judgement.unfolded.find((f) => f.kind === 'unknown' && checkNamed(f.check)?.decisive);
  const routes = context.observed.change?.routes;
  const reason =
    unknown?.kind === 'unknown'
      ? `${unknown.id}: ${unknown.reason}`
      : routes?.kind === 'unreadable'
        ? routes.reason
        : null;
  if (reason === null) return null;
  const help = unknown?.kind === 'unknown' ? unknown.wouldHelp : '`ip -j route show table all` that answers';
  const kind = unknown?.kind === 'unknown' && unknown.forLackOfPrivilege ? 'permission' : 'failed';
  return { kind, message: `could not observe this host, so ${consequence}: ${reason}`, next: `it needs ${help}` };
}
