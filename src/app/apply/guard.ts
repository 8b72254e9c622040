import { ARP_CHECKS } from '../../core/checks/arp.ts';
import { judge } from '../../core/judge.ts';
import type { Action } from '../../core/model/action.ts';
import type { CheckContext } from '../../core/model/check.ts';
import { isIpv6 } from '../../core/model/names.ts';
import { today } from '../look.ts';
import type { ActionResult, Changing, PerformContext } from '../ports/host.ts';

export type Under = Omit<PerformContext, 'interrupted' | 'progress'>;

/**
 * The only way to change the host. Before an IPv4 address is added, whether for the first time or back, it looks freshly at the
 * ARP settings, whatever an earlier step or an undo reported of them: while they are open, or cannot be read, it is not added.
 * @param seen null where no address is among the actions
 */
export async function performGuarded(
  host: Changing,
  actions: readonly Action[],
  context: PerformContext,
  seen: CheckContext | null,
): Promise<readonly ActionResult[]> {
  const at = actions.findIndex((action) => action.kind === 'add-address' && !isIpv6(action.ip));
  if (at < 0) return host.perform(actions, context);
  const first = at === 0 ? [] : await host.perform(actions.slice(0, at), context);
  const rest = actions.slice(at);
  const open = first.every(({ status }) => status === 'done') ? openNow(host, seen) : null;
  if (open === null && first.every(({ status }) => status === 'done')) {
    const progress = (done: number): void => context.progress(at + done, actions.length);
    return [...first, ...(await host.perform(rest, { ...context, progress }))];
  }
  const refused = rest.map(
    (action, index): ActionResult =>
      index === 0 && open !== null
        ? { action, status: 'failed', detail: open }
        : { action, status: 'not-run', detail: null },
  );
  return [...first, ...refused];
}

/** Judged as verify judges them, `ignore:` included: there is no second comparator. */
function openNow(host: Changing, seen: CheckContext | null): string | null {
  if (seen === null) return 'not added, because nobody has looked at this host';
  const { desired, observed, ledger } = seen;
  const context = { desired, observed: { ...observed, arp: host.arpNow() }, ledger };
  const { unfolded } = judge(context, today(host), ARP_CHECKS);
  for (const finding of unfolded) {
    if (finding.kind === 'unknown') return `not added, because the ARP settings cannot be read: ${finding.reason}`;
    if (finding.severity === 'critical')
      return `not added, because this host would answer for it or announce it: ${finding.seen}`;
  }
  return null;
}
