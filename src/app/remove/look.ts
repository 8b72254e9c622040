// What remove finds before it does anything, and why it then does nothing.

import { proxyArp } from '../../core/checks/proxy.ts';
import { placesOf } from '../../core/model/addresses.ts';
import type { CheckContext } from '../../core/model/check.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Refusal } from '../../core/model/refusal.ts';
import { ownMarks, type RemovePlan } from '../../core/plan/remove.ts';
import type { Changing, Failure } from '../ports/host.ts';

export const lostLedger: Failure = {
  kind: 'failed',
  message: 'the ledger cannot be used, so rsprep does not know what it added: nothing was deleted',
  next: 'run `rsprep apply`, which makes a new ledger from what the kernel holds, and then `rsprep remove`',
};

/** Nothing is deleted then; but what of rsprep is left is not passed over in silence. */
export function withoutLedger(
  context: CheckContext,
): { readonly failure: Failure } | { readonly notes: readonly string[] } {
  const blind = unobservable(context);
  if (blind) return { failure: blind };
  const { links } = context.observed;
  const marks = ownMarks(context.observed);
  if (marks.length > 0) {
    const shown = marks.length > 5 ? [...marks.slice(0, 5), `and ${marks.length - 5} more`] : marks;
    const message = `there is no ledger, but this host holds what rsprep made: ${shown.join('; ')}: nothing was deleted`;
    return { failure: { ...lostLedger, message } };
  }
  const held = context.desired.vips
    .filter(({ address }) => links.kind === 'value' && placesOf(links.value, address).length > 0)
    .map(({ address }) => address);
  const foreign =
    held.length > 0 ? [`this host holds ${held.slice(0, 5).join(', ')}, which rsprep neither added nor adopted`] : [];
  return { notes: ['there is no ledger: rsprep has nothing to undo on this host', ...foreign] };
}

export const contextNow = (host: Changing, desired: Desired): CheckContext => ({
  desired,
  observed: host.observe(desired, true),
  ledger: host.readLedger(),
});

export function unobservable({ observed }: CheckContext): Failure | null {
  const reading = [observed.links, observed.arp].find(({ kind }) => kind !== 'value');
  if (!reading) return null;
  const reason = reading.kind === 'unreadable' ? reading.reason : 'the kernel shows no network configuration';
  return {
    kind: 'failed',
    message: `could not observe this host, so nothing was changed: ${reason}`,
    next: 'fix that, then run rsprep remove again',
  };
}

/** While the VIP is here the kernel asks arp_ignore; once it is gone, a proxy answers for it. */
export const answeredByProxy = (context: CheckContext, { addresses }: RemovePlan): readonly Refusal[] =>
  addresses.length === 0
    ? []
    : proxyArp.run(context, '').flatMap((verdict) =>
        verdict.kind === 'wrong'
          ? [
              {
                code: 'proxy-answers' as const,
                message: `without its VIPs this host would answer for them as a proxy: ${verdict.seen}`,
                next: `${verdict.fix}; or --force`,
              },
            ]
          : [],
      );
