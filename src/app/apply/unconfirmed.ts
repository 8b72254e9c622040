import { type Action, describeAction } from '../../core/model/action.ts';
import { hasEnded } from '../../core/model/boot-clock.ts';
import type { CheckContext } from '../../core/model/check.ts';
import { addressKey, emptyLedger, type Ledger, type Unconfirmed } from '../../core/model/ledger.ts';
import type { Ip } from '../../core/model/names.ts';
import { type Answer, need, orNull } from '../../core/model/needed.ts';
import { inEffect, overrideOf, withOverride } from '../../core/model/override.ts';
import { absent, type Unreadable } from '../../core/model/reading.ts';
import { dragged } from '../../core/plan/drag.ts';
import { afterRollback } from '../../core/plan/ledger-update.ts';
import { stillLocal } from '../../core/plan/remove.ts';
import { endIn, momentOf } from '../look.ts';
import type { ActionResult, Changing, Failure } from '../ports/host.ts';
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
export async function takeBack(host: Changing, unconfirmed: Unconfirmed, context: UndoContext): Promise<TakenBack> {
  const standing = standingOf(host, unconfirmed);
  if (standing.kind !== 'value') return cannot(standing);
  const isRebooted = standing.value === 'rebooted';
  const taken = await (isRebooted ? takeBackFiles : takeBackLive)(host, unconfirmed, context);
  if (taken.kind === 'failed') return taken;
  const late = await tryToWrite(() => host.writeLedger(taken.ledger ?? ledgerOfBefore(unconfirmed)), LEDGER_UNWRITTEN);
  if (late) return { kind: 'failed', failure: late };
  const what = `the apply that was to be confirmed until ${unconfirmed.until} is taken back`;
  return { kind: 'taken-back', notes: [`${what}: ${WHY[standing.value]}`, ...taken.notes] };
}

const WHY: Readonly<Record<Standing, string>> = {
  rebooted: 'the host was rebooted before it was confirmed',
  expired: 'nobody confirmed it in time',
  waits: 'as requested',
};

const LEDGER_UNWRITTEN = 'the unconfirmed apply was taken back, but the ledger, which still has it, cannot be written';

const cannot = (missing: Unreadable): TakenBack & { kind: 'failed' } => ({
  kind: 'failed',
  failure: stop(missing, 'an unconfirmed apply is not taken back', 'fix that; `rsprep confirm --revert` tries again'),
});

/** What was taken back in the kernel; the ledger is null where it is simply the one of before. */
type Live = { readonly kind: 'done'; readonly notes: readonly string[]; readonly ledger: Ledger | null };

interface UndoContext {
  readonly lockFd: number | null;
  readonly timeoutMs: number;
}

/** After a reboot there are only the files that a confirm had written when it was stopped. */
async function takeBackFiles(
  host: Changing,
  { undo }: Unconfirmed,
  context: UndoContext,
): Promise<Live | (TakenBack & { kind: 'failed' })> {
  const failure = whatFailed(await performUndo(host, [undo.flat().filter(isOfFiles)], null, context));
  return failure ?? { kind: 'done', notes: [], ledger: null };
}

async function takeBackLive(
  host: Changing,
  unconfirmed: Unconfirmed,
  context: UndoContext,
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
  const failure = whatFailed(await performUndo(host, undo, now, context));
  if (failure) return failure;
  // What stays set has to be known to a later remove.
  const kept = stays.length === 0 ? null : afterRollback(unconfirmed.previous, seen.value.ledger, undo.flat());
  const ledger = kept && { ...kept, rejected: desired, unconfirmed: null };
  return { kind: 'done', notes: [...undrained, ...stays], ledger };
}

function whatFailed(results: readonly ActionResult[]): (TakenBack & { kind: 'failed' }) | null {
  const failed = results.find(({ status }) => status !== 'done');
  if (!failed) return null;
  const message = `an unconfirmed apply could not be taken back: ${failed.detail ?? describeAction(failed.action)}`;
  const next = 'look at `rsprep verify`; `rsprep confirm --revert` tries again';
  return { kind: 'failed', failure: { kind: 'failed', message, next } };
}

const isOfFiles = ({ kind }: Action): boolean => kind === 'write-file' || kind === 'delete-file';
/** What keeps a VIP quiet, now and after a reboot. */
const isNoArpSetting = (action: Action): boolean => action.kind !== 'set-sysctl' && !isOfFiles(action);

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

/** How an apply that nobody has confirmed stands. */
export type Standing = 'waits' | 'expired' | 'rebooted';

/** A clock that cannot be read is no other boot, and no time that is over: then nobody can tell. */
export function standingOf(host: Changing, { bootId, span, until }: Unconfirmed): Answer<Standing> {
  const now = need({ clock: host.bootClock() });
  if (now.kind !== 'value') return now;
  const { clock } = now.value;
  if (bootId !== null && bootId !== clock.bootId) return { kind: 'value', value: 'rebooted' };
  const isOver = span ? hasEnded(span, clock) : until <= host.now().toISOString();
  return { kind: 'value', value: isOver ? 'expired' : 'waits' };
}

/** The ledger of before, which also remembers what was not confirmed: a boot must not apply it after all. */
const ledgerOfBefore = (unconfirmed: Unconfirmed): Ledger => ({
  ...(unconfirmed.previous ?? emptyLedger(null)),
  rejected: unconfirmed.desired,
  unconfirmed: null,
});

const DRAIN = { kind: 'drain', who: 'rsprep', reason: 'an apply that nobody confirmed is being taken back' } as const;

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
  // One that a run which was killed here has left would otherwise be put back, and stay.
  const overrides = (before.value ?? []).filter(({ who, reason }) => who !== DRAIN.who || reason !== DRAIN.reason);
  const since = host.now().toISOString();
  const isDrained =
    overrideOf(
      inEffect(overrides, () => momentOf(host)),
      'drain',
    ) !== null;
  const { until, ...end } = endIn(host, 2 * DRAIN_MS);
  const drain = { ...DRAIN, since, until, ...end };
  const undrained = isDrained
    ? null
    : await tryToWrite(() => host.writeOverrides(withOverride(overrides, drain)), 'it was not drained first');
  if (undrained) return [undrained.message];
  for (let waitedMs = 0; waitedMs < DRAIN_MS && serving(); waitedMs += 200) await host.sleep(200);
  if (isDrained) return [];
  const left = await tryToWrite(() => host.writeOverrides(overrides), `it stays drained until ${until}`);
  return left ? [left.message] : [];
}

/** Why another apply must wait: two changes, only one of which is confirmed, cannot be told apart afterwards. */
export function waitsForConfirmation(ledger: Ledger | null): Failure | null {
  const unconfirmed = ledger?.unconfirmed;
  if (!unconfirmed) return null;
  return {
    kind: 'locked',
    message: `an earlier \`rsprep apply --confirm\` still waits for its confirmation until ${unconfirmed.until}`,
    next: 'run `rsprep confirm` to keep it, `rsprep confirm --revert` to take it back, or wait',
  };
}
