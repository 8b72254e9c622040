/**
 * What came of looking at one thing on the host. Unreadable, absent and wrong are three things: an observation that
 * failed can never make a check pass.
 */
export type Reading<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly reason: string; readonly forLackOfPrivilege: boolean };

export const value = <T>(v: T): Reading<T> => ({ kind: 'value', value: v });
export const absent: Reading<never> = { kind: 'absent' };
export const unreadable = (reason: string, forLackOfPrivilege = false): Reading<never> => ({
  kind: 'unreadable',
  reason,
  forLackOfPrivilege,
});
