/** Why a thing could not be looked at, as far as anything is decided by it. The reason beside it is for people alone. */
export type UnreadableCause =
  /** This user may not; root, or one with the capability, could. */
  | 'privilege'
  /** It could be read, and is not what it has to be: apply sets such a file of its own aside and makes it anew. */
  | 'corrupt'
  /** A later rsprep wrote it, in a format that this one does not know. */
  | 'newer'
  /** Everything else: the system call or the program that should have told did not, or it is no file at all. */
  | 'io';

/**
 * What came of looking at one thing on the host. Unreadable, absent and wrong are three things: an observation that
 * failed can never make a check pass.
 */
export type Reading<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'absent' } | Unreadable;

export interface Unreadable {
  readonly kind: 'unreadable';
  readonly cause: UnreadableCause;
  /** In words, with the path or the command. */
  readonly reason: string;
}

export const value = <T>(v: T): Reading<T> => ({ kind: 'value', value: v });
export const absent: Reading<never> = { kind: 'absent' };
export const unreadable = (cause: UnreadableCause, reason: string): Unreadable => ({
  kind: 'unreadable',
  cause,
  reason,
});

/** Whether more privilege would let it be looked at: an unprivileged verify is excused for that. */
export const lacksPrivilege = (reading: Reading<unknown>): boolean =>
  reading.kind === 'unreadable' && reading.cause === 'privilege';
