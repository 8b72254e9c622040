import { type Action, describeAction } from '../../core/model/action.ts';
import type { CheckContext } from '../../core/model/check.ts';
import type { Desired } from '../../core/model/desired.ts';
import { addressKey, emptyLedger, type Ledger, type Unconfirmed } from '../../core/model/ledger.ts';
import type { Ip } from '../../core/model/names.ts';
import { type Answer, need, orNull } from '../../core/model/needed.ts';
import { withOverride } from '../../core/model/override.ts';
import { absent, type Unreadable } from '../../core/model/reading.ts';
import { dragged } from '../../core/plan/drag.ts';
import { afterRollback } from '../../core/plan/ledger-update.ts';
import { stillLocal } from '../../core/plan/remove.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { stop } from '../stop.ts';
import { performUndo } from './transaction.ts';
import { tryToWrite } from './try-to-write.ts';

export type TakenBack =
  | { readonly kind: 'taken-back'; readonly notes: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Longest that a VIP with established connections is drained before it is taken back, in milliseconds. */
const DRAIN_MS = 10_000;

/**
 * Goes back to what was there before an unconfirmed apply. A VIP that already serves connections is drained first. After a
 * reboot the kernel has forgotten all of it, so only the ledger goes back.
 */
export async function takeBack(
  host: Changing,
  unconfirmed: Unconfirmed,
  context: { readonly lockFd: number | null; readonly timeoutMs: number },
): Promise<TakenBack> {
  const rebooted = isRebooted(host, unconfirmed);
  if (rebooted.kind !== 'value') return cannot(rebooted);
  const taken = rebooted.value ? NOTHING_LIVE : await takeBackLive(host, unconfirmed, context);
  if (taken.kind === 'failed') return taken;
  const late = await tryToWrite(() => host.writeLedger(taken.ledger ?? ledgerOfBefore(unconfirmed)), LEDGER_UNWRITTEN);
  if (late) return { kind: 'failed', failure: late };
  const what = rebooted.value
    ? 'the host was rebooted before it was confirmed'
    : isExpired(host, unconfirmed)
      ? 'nobody confirmed it in time'
      : 'as requested';
  return {
    kind: 'taken-back',
    notes: [`the apply that was to be confirmed until ${unconfirmed.until} is taken back: ${what}`, ...taken.notes],
  };
}

const LEDGER_UNWRITTEN = 'the unconfirmed apply was taken back, but the ledger, which still has it, cannot be written';

const cannot = (missing: Unreadable): TakenBack & { kind: 'failed' } => ({
  kind: 'failed',
  failure: stop(missing, 'an unconfirmed apply is not taken back', 'fix that; `rsprep confirm --revert` tries again'),
});

/** What was taken back in the kernel; the ledger is null where it is simply the one of before. */
type Live = { readonly kind: 'done'; readonly notes: readonly string[]; readonly ledger: Ledger | null };
const NOTHING_LIVE: Live = { kind: 'done', notes: [], ledger: null };

async function takeBackLive(
  host: Changing,
  unconfirmed: Unconfirmed,
  context: { readonly lockFd: number | null; readonly timeoutMs: number },
): Promise<Live | (TakenBack & { kind: 'failed' })> {
  const all = unconfirmed.undo.flat();
  const vips = all.flatMap((action) => (action.kind === 'delete-address' ? [action.ip] : []));
  const refusal = dragNow(host, unconfirmed);
  if (refusal) return { kind: 'failed', failure: refusal };
  const undrained = await drainFirst(host, vips);
  const { desired } = unconfirmed;
  const now = { desired, observed: host.observe(desired, false), ledger: host.readLedger() };
  const { links, localRoutes } = now.observed;
  const seen = need({ links, localRoutes, ledger: now.ledger });
  if (seen.kind !== 'value') return cannot(seen);
  const stays = heldElsewhere(now, unconfirmed, vips);
  const undo = stays.length === 0 ? unconfirmed.undo : unconfirmed.undo.map((group) => group.filter(isNoArpSetting));
  const results = await performUndo(host, undo, context);
  const failed = results.find(({ status }) => status !== 'done');
  if (failed) {
    const message = `an unconfirmed apply could not be taken back: ${failed.detail ?? describeAction(failed.action)}`;
    const next = 'look at `rsprep verify`; `rsprep confirm --revert` tries again';
    return { kind: 'failed', failure: { kind: 'failed', message, next } };
  }
  // What stays set has to be known to a later remove.
  const kept = stays.length === 0 ? null : afterRollback(unconfirmed.previous, seen.value.ledger, undo.flat());
  const ledger = kept && { ...kept, rejected: desired, unconfirmed: null };
  return { kind: 'done', notes: [...undrained, ...stays], ledger };
}

const isNoArpSetting = ({ kind }: Action): boolean => kind !== 'set-sysctl';

/** Somebody may have put the VIP somewhere else meanwhile: it would be answered for as soon as the settings are gone. */
function heldElsewhere(context: CheckContext, { undo }: Unconfirmed, vips: readonly Ip[]): readonly string[] {
  const going = new Set(
    undo.flat().flatMap((action) => (action.kind === 'delete-address' ? [addressKey(action)] : [])),
  );
  return stillLocal(context, vips, (device, { ip, prefixLength }) =>
    going.has(addressKey({ device, ip, prefixLength })),
  );
}

/** Somebody may have hung a route on the VIP meanwhile; losing the default route is worse than keeping an unconfirmed VIP. */
function dragNow(host: Changing, { undo, desired }: Unconfirmed): Failure | null {
  const context = { desired, observed: host.observe(desired, true), ledger: host.readLedger() };
  const { links, change } = context.observed;
  const seen = need({ links, routes: change?.routes ?? absent, ledger: context.ledger });
  if (seen.kind !== 'value') return cannot(seen).failure;
  const [refusal] = dragged(context, undo.flat());
  return refusal
    ? { kind: 'failed', message: `an unconfirmed apply is not taken back: ${refusal.message}`, next: refusal.next }
    : null;
}

/** A boot id that cannot be read is no other one: then nobody can tell. */
export function isRebooted(host: Changing, { bootId }: Unconfirmed): Answer<boolean> {
  if (bootId === null) return { kind: 'value', value: false };
  const now = need({ bootId: host.bootId() });
  return now.kind === 'value' ? { kind: 'value', value: now.value.bootId !== bootId } : now;
}

export const isExpired = (host: Changing, unconfirmed: Unconfirmed): boolean =>
  unconfirmed.until <= host.now().toISOString();

/** The ledger of before, which also remembers what was not confirmed: a boot must not apply it after all. */
const ledgerOfBefore = (unconfirmed: Unconfirmed): Ledger => ({
  ...(unconfirmed.previous ?? emptyLedger(null)),
  rejected: unconfirmed.desired,
  unconfirmed: null,
});

/** @returns what kept it from being drained: that is no reason to keep a VIP that nobody confirmed. */
async function drainFirst(host: Changing, vips: readonly string[]): Promise<readonly string[]> {
  // Connections that cannot be listed may be there.
  const serving = (): boolean => {
    const reading = host.establishedTo(vips);
    return reading.kind !== 'value' || reading.value.length > 0;
  };
  if (vips.length === 0 || !serving()) return [];
  const before = orNull(host.readOverrides());
  if (before.kind !== 'value') return [`it was not drained first: ${before.reason}`];
  const overrides = before.value ?? [];
  const since = host.now().toISOString();
  const drain = {
    kind: 'drain',
    reason: 'an apply that nobody confirmed is being taken back',
    who: 'rsprep',
    since,
    until: null,
  } as const;
  const undrained = await tryToWrite(
    () => host.writeOverrides(withOverride(overrides, drain)),
    'it was not drained first',
  );
  if (undrained) return [undrained.message];
  for (let waitedMs = 0; waitedMs < DRAIN_MS && serving(); waitedMs += 200) await host.sleep(200);
  const left = await tryToWrite(() => host.writeOverrides(overrides), 'it stays drained until `rsprep resume`');
  return left ? [left.message] : [];
}

/** Why another apply must wait: two changes, only one of which is confirmed, cannot be told apart afterwards. */
export function waitsForConfirmation(host: Changing): Failure | null {
  const ledger = orNull(host.readLedger());
  if (ledger.kind !== 'value')
    return stop(ledger, 'cannot tell whether an earlier apply waits for its confirmation', 'make the ledger readable');
  const unconfirmed = ledger.value?.unconfirmed;
  if (!unconfirmed) return null;
  return {
    kind: 'locked',
    message: `an earlier \`rsprep apply --confirm\` still waits for its confirmation until ${unconfirmed.until}`,
    next: 'run `rsprep confirm` to keep it, `rsprep confirm --revert` to take it back, or wait',
  };
}

/**
 * What the boot unit applies: the configuration, unless it is the very one that was tried with --confirm and not confirmed;
 * then what was applied before it, or nothing.
 */
export function desiredAtBoot(
  host: Changing,
  asked: Desired,
): { readonly desired: Desired | null; readonly notes: readonly string[] } {
  const reading = host.readLedger();
  const ledger = reading.kind === 'value' ? reading.value : null;
  if (!ledger?.rejected || JSON.stringify(ledger.rejected) !== JSON.stringify(asked))
    return { desired: asked, notes: [] };
  const desired = ledger.applied?.desired ?? null;
  const instead = desired === null ? 'nothing is applied' : 'the configuration applied before it stays in force';
  return {
    desired,
    notes: [
      `this configuration was tried with --confirm and never confirmed: ${instead}. Run \`rsprep apply\` by hand to apply it`,
    ],
  };
}
