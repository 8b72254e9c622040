import type { Action } from '../model/action.ts';
import { ARP_KEYS, settingText } from '../model/arp-settings.ts';
import type { CheckContext } from '../model/check.ts';
import { ledgerOf } from '../model/check.ts';
import type { Desired } from '../model/desired.ts';
import {
  type ArpSnapshot,
  addressKey,
  emptyLedger,
  type Intent,
  type Ledger,
  type OwnedAddress,
  type OwnedSysctl,
  sameAddress,
} from '../model/ledger.ts';
import type { Step } from '../model/step.ts';

/**
 * The ledger as it must stand on disk before the first change: everything that may become ours, so that a run killed at
 * any instant can be taken back by the next one.
 */
export function beforeApply(
  context: CheckContext,
  steps: readonly Step[],
  intent: Intent,
  machineId: string | null,
): Ledger {
  const old = ledgerOf(context) ?? emptyLedger(machineId);
  const first = old.applied === null && old.addresses.length === 0 && old.sysctls.length === 0;
  // A host whose machine-id is gone for a while is still the one that the ledger is of.
  const known = machineId ?? old.machineId;
  const withSnapshot: Ledger = {
    ...old,
    machineId: known,
    intent,
    snapshot: first ? takeSnapshot(context) : old.snapshot,
  };
  const added = claimAddresses(old, steps);
  return steps.reduce((ledger, step) => claim(context, ledger, step), { ...withSnapshot, addresses: added });
}

/** What is going to be added or adopted, once each. */
function claimAddresses(ledger: Ledger, steps: readonly Step[]): readonly OwnedAddress[] {
  const owned = new Map(ledger.addresses.map((address) => [addressKey(address), address]));
  for (const { action } of steps) {
    if (action.kind !== 'add-address' && action.kind !== 'renew-address' && action.kind !== 'adopt-address') continue;
    const { device, ip, prefixLength } = action;
    const key = addressKey(action);
    const origin = action.kind === 'add-address' ? 'added' : 'adopted';
    if (!owned.has(key)) owned.set(key, { device, ip, prefixLength, origin });
  }
  return [...owned.values()];
}

function claim(context: CheckContext, ledger: Ledger, { action, undo }: Step): Ledger {
  switch (action.kind) {
    case 'set-sysctl': {
      const { setting } = action;
      const first = ledger.snapshot[setting.scope]?.[setting.key];
      const before = first ?? (undo?.kind === 'set-sysctl' ? undo.to : action.to);
      return { ...ledger, sysctls: addSysctl(ledger.sysctls, { setting, before, set: action.to }) };
    }
    case 'delete-address': {
      const entry = { device: action.device, ip: action.ip, prefixLength: action.prefixLength };
      return isOwnDevice(context, entry.device)
        ? ledger
        : { ...ledger, taken: [...ledger.taken.filter((t) => !sameAddress(t, entry)), entry] };
    }
    case 'write-file': {
      const { sysctlFile } = context.observed;
      if (ledger.sysctlFileBefore !== undefined) return ledger;
      return { ...ledger, sysctlFileBefore: sysctlFile.kind === 'value' ? sysctlFile.value : null };
    }
    default:
      return ledger;
  }
}

const isOwnDevice = (context: CheckContext, device: string): boolean =>
  device === 'lo' || context.desired.vips.some((vip) => vip.device === device);

/** What was there before the first apply is kept through every later one. */
function addSysctl(sysctls: readonly OwnedSysctl[], next: OwnedSysctl): readonly OwnedSysctl[] {
  const text = settingText(next.setting);
  const known = sysctls.find(({ setting }) => settingText(setting) === text);
  if (!known) return [...sysctls, next];
  return sysctls.map((sysctl) => (sysctl === known ? { ...known, set: next.set } : sysctl));
}

function takeSnapshot(context: CheckContext): Readonly<Record<string, ArpSnapshot>> {
  const { arp } = context.observed;
  if (arp.kind !== 'value') return {};
  const snapshot: Record<string, ArpSnapshot> = {};
  for (const [scope, settings] of arp.value) {
    const values = ARP_KEYS.flatMap((key) => {
      const reading = settings[key];
      return reading.kind === 'value' ? [[key, reading.value] as const] : [];
    });
    if (values.length === ARP_KEYS.length) snapshot[scope] = Object.fromEntries(values);
  }
  return snapshot;
}

/** After an apply that went through: what was deleted is no longer ours, and this configuration is the one applied. */
export function afterApply(ledger: Ledger, done: readonly Action[], desired: Desired, at: string): Ledger {
  const { rejected: _, ...rest } = withoutDeleted(ledger, done);
  return { ...rest, intent: null, applied: { desired, at } };
}

/** After a rollback: the ledger of before, with what was kept. */
export function afterRollback(before: Ledger | null, during: Ledger, undone: readonly Action[]): Ledger {
  const gone = new Set(undone.flatMap((action) => (action.kind === 'delete-address' ? [addressKey(action)] : [])));
  const restored = new Set(undone.flatMap((a) => (a.kind === 'set-sysctl' ? [settingText(a.setting)] : [])));
  const had = new Set((before?.sysctls ?? []).map(({ setting }) => settingText(setting)));
  return {
    ...during,
    addresses: during.addresses.filter((owned) => !gone.has(addressKey(owned))),
    sysctls: during.sysctls.filter(
      ({ setting }) => had.has(settingText(setting)) || !restored.has(settingText(setting)),
    ),
    applied: before?.applied ?? null,
    intent: null,
  };
}

function withoutDeleted(ledger: Ledger, done: readonly Action[]): Ledger {
  // With a peer it is another address than the one we own, although IP and prefix length are the same.
  const gone = new Set(
    done.flatMap((action) =>
      action.kind === 'delete-address' && action.peer === undefined ? [addressKey(action)] : [],
    ),
  );
  return { ...ledger, addresses: ledger.addresses.filter((owned) => !gone.has(addressKey(owned))) };
}
