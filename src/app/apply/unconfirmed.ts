import { type Action, describeAction } from '../../core/model/action.ts';
import type { Desired } from '../../core/model/desired.ts';
import { addressKey, emptyLedger, type Ledger, type Unconfirmed } from '../../core/model/ledger.ts';
import type { Ip } from '../../core/model/names.ts';
import { withOverride } from '../../core/model/override.ts';
import { dragged } from '../../core/plan/drag.ts';
import { stillLocal } from '../../core/plan/remove.ts';
import type { Changing, Failure } from '../ports/host.ts';
import { performUndo } from './transaction.ts';

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
  let stays: readonly string[] = [];
  if (!isRebooted(host, unconfirmed)) {
    const vips = unconfirmed.undo.flat().flatMap((action) => (action.kind === 'delete-address' ? [action.ip] : []));
    const refusal = dragNow(host, unconfirmed);
    if (refusal) return { kind: 'failed', failure: refusal };
    await drainFirst(host, vips);
    stays = heldElsewhere(host, unconfirmed, vips);
    const undo = stays.length === 0 ? unconfirmed.undo : unconfirmed.undo.map((group) => group.filter(isNoArpSetting));
    const results = await performUndo(host, undo, context);
    const failed = results.find(({ status }) => status !== 'done');
    if (failed) {
      const message = `an unconfirmed apply could not be taken back: ${failed.detail ?? describeAction(failed.action)}`;
      return {
        kind: 'failed',
        failure: { kind: 'failed', message, next: 'look at `rsprep verify`; `rsprep confirm --revert` tries again' },
      };
    }
  }
  await host.writeLedger(ledgerOfBefore(unconfirmed));
  const what = isRebooted(host, unconfirmed)
    ? 'the host was rebooted before it was confirmed'
    : isExpired(host, unconfirmed)
      ? 'nobody confirmed it in time'
      : 'as requested';
  return {
    kind: 'taken-back',
    notes: [`the apply that was to be confirmed until ${unconfirmed.until} is taken back: ${what}`, ...stays],
  };
}

const isNoArpSetting = ({ kind }: Action): boolean => kind !== 'set-sysctl';

/** Somebody may have put the VIP somewhere else meanwhile: it would be answered for as soon as the settings are gone. */
function heldElsewhere(host: Changing, { undo, desired }: Unconfirmed, vips: readonly Ip[]): readonly string[] {
  const going = new Set(
    undo.flat().flatMap((action) => (action.kind === 'delete-address' ? [addressKey(action)] : [])),
  );
  const context = { desired, observed: host.observe(desired, false), ledger: host.readLedger() };
  return stillLocal(context, vips, (device, { ip, prefixLength }) =>
    going.has(addressKey({ device, ip, prefixLength })),
  );
}

/** Somebody may have hung a route on the VIP meanwhile; losing the default route is worse than keeping an unconfirmed VIP. */
function dragNow(host: Changing, { undo, desired }: Unconfirmed): Failure | null {
  const context = { desired, observed: host.observe(desired, true), ledger: host.readLedger() };
  const [refusal] = dragged(context, undo.flat());
  return refusal
    ? { kind: 'failed', message: `an unconfirmed apply is not taken back: ${refusal.message}`, next: refusal.next }
    : null;
}

export const isRebooted = (host: Changing, unconfirmed: Unconfirmed): boolean =>
  unconfirmed.bootId !== null && unconfirmed.bootId !== host.bootId();

export const isExpired = (host: Changing, unconfirmed: Unconfirmed): boolean =>
  unconfirmed.until <= host.now().toISOString();

/** The ledger of before, which also remembers what was not confirmed: a boot must not apply it after all. */
const ledgerOfBefore = (unconfirmed: Unconfirmed): Ledger => ({
  ...(unconfirmed.previous ?? emptyLedger(null)),
  rejected: unconfirmed.desired,
  unconfirmed: null,
});

async function drainFirst(host: Changing, vips: readonly string[]): Promise<void> {
  const serving = (): boolean => {
    const reading = host.establishedTo(vips);
    return reading.kind === 'value' && reading.value.length > 0;
  };
  if (vips.length === 0 || !serving()) return;
  const before = host.readOverrides();
  const overrides = before.kind === 'value' ? before.value : [];
  const since = host.now().toISOString();
  const drain = {
    kind: 'drain',
    reason: 'an apply that nobody confirmed is being taken back',
    who: 'rsprep',
    since,
    until: null,
  } as const;
  await host.writeOverrides(withOverride(overrides, drain));
  for (let waitedMs = 0; waitedMs < DRAIN_MS && serving(); waitedMs += 200) await host.sleep(200);
  await host.writeOverrides(overrides);
}

/** Why another apply must wait: two changes, only one of which is confirmed, cannot be told apart afterwards. */
export function waitsForConfirmation(host: Changing): Failure | null {
  const ledger = host.readLedger();
  const unconfirmed = ledger.kind === 'value' ? ledger.value.unconfirmed : null;
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
