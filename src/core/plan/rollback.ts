import type { Action } from '../model/action.ts';
import { findVip } from '../model/addresses.ts';
import { ARP_KEYS_BACKWARDS, type ArpSetting } from '../model/arp-settings.ts';
import type { CheckContext } from '../model/check.ts';
import { ledgerOf } from '../model/check.ts';
import { assertNever, type Ip } from '../model/names.ts';
import type { Step } from '../model/step.ts';

export interface Rollback {
  /** In the order in which they are to be performed. */
  readonly actions: readonly Action[];
  /** Done, and left so on purpose. */
  readonly kept: readonly { readonly step: Step; readonly because: string }[];
}

/**
 * Takes back what a run did, in the safe order: addresses first, then `default`, `all` and interfaces, arp_ignore before
 * arp_announce. Going back to a leaking state is not a rollback: a step that closed a leak is kept while any VIP remains.
 * @param context what was observed before the run.
 * @param done the steps performed, in any order.
 */
export function planRollback(context: CheckContext, done: readonly Step[]): Rollback {
  const replaced = new Set(
    done.flatMap(({ action, closesLeak }) => (action.kind === 'delete-address' && closesLeak ? [action.ip] : [])),
  );
  // Nobody can say that no VIP is left where the addresses could not be read.
  const remains = context.observed.links.kind !== 'value' || remainingVips(context, done, replaced).length > 0;
  const kept: { step: Step; because: string }[] = [];
  const undone: Step[] = [];
  for (const step of done) {
    const because = reasonToKeep(step, replaced, remains);
    if (because === null) undone.push(step);
    else kept.push({ step, because });
  }
  const actions = undone
    .toSorted((a, b) => undoRank(a) - undoRank(b))
    .flatMap(({ undo }) => (undo === null ? [] : [undo]));
  return { actions, kept };
}

/** VIPs, of the configuration or the ledger, that will still be on the host after the added ones are gone. */
function remainingVips(context: CheckContext, done: readonly Step[], replaced: ReadonlySet<Ip>): readonly Ip[] {
  const { links } = context.observed;
  const owned = new Set(ledgerOf(context)?.addresses.map(({ ip }) => ip) ?? []);
  const before =
    links.kind === 'value'
      ? links.value
          .flatMap(({ addresses }) => addresses)
          .filter((a) => findVip(context.desired, a.ip) || owned.has(a.ip))
      : [];
  const added = done.flatMap(({ action }) => (action.kind === 'add-address' ? [action.ip] : []));
  return [...before.map(({ ip }) => ip), ...added.filter((ip) => replaced.has(ip))];
}

function reasonToKeep(step: Step, replaced: ReadonlySet<Ip>, vipRemains: boolean): string | null {
  const { action } = step;
  switch (action.kind) {
    case 'set-sysctl':
      if (step.undo === null) return 'its earlier value is not known';
      return step.closesLeak && vipRemains ? 'a VIP remains on this host, and going back would leak it' : null;
    case 'add-address':
      return replaced.has(action.ip) ? 'it replaces an address that leaked and is not put back' : null;
    case 'delete-address':
      return step.closesLeak ? 'putting it back would leak the VIP' : null;
    case 'write-file':
    case 'delete-file':
      return vipRemains ? 'the settings it persists are kept' : null;
    case 'set-link':
      return null;
    case 'renew-address':
    case 'refresh-address':
      return 'it cannot be taken back, and does no harm';
    case 'adopt-address':
    case 'record-desired':
      return null;
    default:
      return assertNever(action);
  }
}

/** Deletions of what we added, then links, then sysctls (default, all, interfaces; arp_ignore first), then files. */
function undoRank(step: { readonly action: Action }): number {
  const { action } = step;
  switch (action.kind) {
    case 'add-address':
    case 'renew-address':
    case 'refresh-address':
      return 0;
    case 'set-link':
      return 1;
    case 'set-sysctl':
      return sysctlUndoRank(action.setting);
    case 'delete-address':
      return 20;
    case 'write-file':
    case 'delete-file':
      return 30;
    case 'adopt-address':
    case 'record-desired':
      return 40;
    default:
      return assertNever(action);
  }
}

/**
 * Between 2 and 3. `default` first, because writing it also changes interfaces that never had an address
 * (devinet_copy_dflt_conf); then, key by key, `all` and the interfaces.
 */
export function sysctlUndoRank({ scope, key }: ArpSetting): number {
  const [keys, byKey] = [ARP_KEYS_BACKWARDS.length, ARP_KEYS_BACKWARDS.indexOf(key)];
  const place = scope === 'default' ? byKey : keys + byKey * 2 + (scope === 'all' ? 0 : 1);
  return 2 + place / (keys * 3);
}
