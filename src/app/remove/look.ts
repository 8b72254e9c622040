// What remove finds before it does anything, and why it then does nothing.

import { proxyArp } from '../../core/checks/proxy.ts';
import { findVip, placesOf } from '../../core/model/addresses.ts';
import type { CheckContext } from '../../core/model/check.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Ledger } from '../../core/model/ledger.ts';
import { isIpv6 } from '../../core/model/names.ts';
import { need, orNull } from '../../core/model/needed.ts';
import { absent, type Reading } from '../../core/model/reading.ts';
import type { Refusal } from '../../core/model/refusal.ts';
import { ownMarks, type RemovePlan } from '../../core/plan/remove.ts';
import { readableArp } from '../../core/sysctl/arp-rules.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';

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

/** Looks with the VIPs of the ledger in mind, too: the configuration may be gone, or another one. */
export const contextNow = (host: Changing, desired: Desired, ledger: Reading<Ledger>): CheckContext => ({
  desired,
  observed: host.observe(withOwned(desired, ledger), true),
  ledger,
});

function withOwned(desired: Desired, ledger: Reading<Ledger>): Desired {
  if (ledger.kind !== 'value') return desired;
  const own = ledger.value.addresses.filter(({ ip }) => !findVip(desired, ip));
  return own.length === 0
    ? desired
    : { ...desired, vips: [...desired.vips, ...own.map(({ ip, device }) => ({ address: ip, device, services: [] }))] };
}

/** All of these decide what goes, what stays, and what is put back if a step fails. */
export function unobservable({ observed }: CheckContext): Failure | null {
  const { links, localRoutes, arp, sysctlFile, change } = observed;
  const seen = need({
    ...{ links, localRoutes, arpSettings: readableArp(arp) },
    ...{ sysctlFile: orNull(sysctlFile), routes: change?.routes ?? absent },
  });
  if (seen.kind === 'value') return null;
  return stop(seen, 'could not observe this host, so nothing was changed', 'fix that, then run rsprep remove again');
}

const DECIDES_PROXY = /^net\/ipv4\/conf(\/.*\/(forwarding|proxy_arp|proxy_arp_pvlan))?$/;
const NOT_ASKED = orNull<never>(absent);

/** Why nobody can tell whether a proxy would answer. */
export function unseenProxy({ observed }: CheckContext, plan: RemovePlan): Failure | null {
  if (!takesVips(plan)) return null;
  const blind = [...observed.knobs].find(([path, { kind }]) => kind === 'unreadable' && DECIDES_PROXY.test(path));
  const seen = need({ routing: observed.routing ?? NOT_ASKED, settings: blind?.[1] ?? NOT_ASKED });
  if (seen.kind === 'value') return null;
  const what = 'cannot tell whether this host would answer for its VIPs as a proxy once they are gone';
  return stop(seen, what, 'fix that, then run rsprep remove again; or --force');
}

const takesVips = ({ addresses }: RemovePlan): boolean =>
  addresses.some((action) => action.kind === 'delete-address' && !isIpv6(action.ip));

/** While the VIP is here the kernel asks arp_ignore; once it is gone, a proxy answers for it. */
export function answeredByProxy(context: CheckContext, plan: RemovePlan): readonly Refusal[] {
  if (!takesVips(plan)) return [];
  return proxyArp.run({ ...context, desired: withOwned(context.desired, context.ledger) }, '').flatMap((verdict) =>
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
}
