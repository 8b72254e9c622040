import { checkNamed } from '../../core/checks/registry.ts';
import type { Judgement } from '../../core/judge.ts';
import type { CheckContext } from '../../core/model/check.ts';
import { need } from '../../core/model/needed.ts';
import { absent } from '../../core/model/reading.ts';
import { readableIn } from '../../core/sysctl/arp-rules.ts';
import type { Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';

/**
 * Why this host must not be changed now: something that decides between a leak and none, or that has to be put back later, could
 * not be observed. Nothing is planned from a partly loaded view.
 * @param consequence in words
 */
export function blinding(
  context: CheckContext,
  judgement: Judgement,
  consequence = 'nothing was changed',
): Failure | null {
  const what = `could not observe this host, so ${consequence}`;
  const unknown = judgement.unfolded.find((f) => f.kind === 'unknown' && checkNamed(f.check)?.decisive);
  if (unknown?.kind === 'unknown') {
    const kind = unknown.forLackOfPrivilege ? 'permission' : 'failed';
    const next = `it needs ${unknown.wouldHelp}`;
    return { kind, message: `${what}: ${unknown.id}: ${unknown.reason}`, next };
  }
  // Also where `ignore:` sets aside what the checks say of it.
  const { links, localRoutes, arp, change } = context.observed;
  const seen = need({ links, localRoutes, arpSettings: arp, routes: change?.routes ?? absent });
  if (seen.kind !== 'value') return stop(seen, what, 'it needs `ip` that answers, and a readable /proc/sys/net');
  // conf/lo decides nothing, and no check looks at it; but remove goes back to what it was.
  const lo = readableIn('lo', arp);
  return lo.kind === 'unreadable' ? stop(lo, what, 'it needs a readable /proc/sys/net/ipv4/conf') : null;
}
