import { assertNever } from '../core/model/names.ts';
import { inEffect, type Override, type OverrideKind, withOverride } from '../core/model/override.ts';
import type { Unreadable } from '../core/model/reading.ts';
import { tryToWrite } from './apply/try-to-write.ts';
import { endIn, momentOf } from './look.ts';
import type { Changing, Failure } from './ports/host.ts';

export type OverrideOutcome =
  | { readonly kind: 'written'; readonly overrides: readonly Override[]; readonly ended: readonly Override[] }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface NewOverride {
  readonly kind: OverrideKind;
  readonly reason: string;
  /** Until somebody resumes, if null. */
  readonly forMs: number | null;
}

/** Puts an override in effect, in place of one of its kind. Under the lock, so that two of them cannot lose one another's. */
export function setOverride(
  host: Changing,
  { kind, reason, forMs }: NewOverride,
  lockTimeoutMs: number,
): Promise<OverrideOutcome> {
  return change(host, lockTimeoutMs, kind, (overrides) => {
    const now = host.now();
    const end = forMs === null ? { until: null } : endIn(host, forMs);
    return withOverride(overrides, { kind, reason, who: host.who(), since: now.toISOString(), ...end });
  });
}

/** Ends one kind of override, or all of them. */
export function resume(host: Changing, kind: OverrideKind | null, lockTimeoutMs: number): Promise<OverrideOutcome> {
  return change(host, lockTimeoutMs, 'resume', (overrides) =>
    overrides.filter((o) => kind !== null && o.kind !== kind),
  );
}

async function change(
  host: Changing,
  lockTimeoutMs: number,
  command: string,
  next: (overrides: readonly Override[]) => readonly Override[],
): Promise<OverrideOutcome> {
  const lock = await host.lock(lockTimeoutMs, command);
  if (lock.kind === 'failed') return { kind: 'failed', failure: lock.failure };
  if (lock.kind === 'busy') {
    const message = `${lock.by} holds the lock, so nothing was recorded`;
    return {
      kind: 'failed',
      failure: { kind: 'locked', message, next: 'try again in a moment, or use --lock-timeout 30s' },
    };
  }
  try {
    const reading = host.readOverrides();
    const unreadable = reading.kind === 'unreadable' ? overridesFailure(reading) : null;
    if (unreadable) return { kind: 'failed', failure: unreadable };
    const before = reading.kind === 'value' ? inEffect(reading.value, () => momentOf(host)) : [];
    const overrides = next(before);
    const failure = await tryToWrite(() => host.writeOverrides(overrides), 'cannot record it');
    if (failure) return { kind: 'failed', failure };
    return { kind: 'written', overrides, ended: before.filter((o) => !overrides.some(({ kind }) => kind === o.kind)) };
  } finally {
    lock.release();
  }
}

/** Why nothing can be written down beside what is there; null for a corrupt file, which is written anew. */
export function overridesFailure({ cause, reason }: Unreadable): Failure | null {
  switch (cause) {
    case 'corrupt':
      return null;
    case 'privilege':
      return { kind: 'permission', message: reason, next: 'run this as root' };
    case 'newer':
    case 'io':
      return { kind: 'failed', message: reason, next: 'move that out of the way, then run the command again' };
    default:
      return assertNever(cause);
  }
}
