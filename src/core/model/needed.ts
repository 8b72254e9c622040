import { absent, type Reading, type Unreadable, unreadable, value } from './reading.ts';

type Value<R> = R extends { readonly kind: 'value'; readonly value: infer T } ? T : never;

/** What can be decided from: a value, or why there is none. */
export type Answer<T> = { readonly kind: 'value'; readonly value: T } | Unreadable;

/**
 * The one way from readings to a decision: all of them as values, or a stop. A caller gets no value out of it without having said
 * what happens where one is missing, so that nothing unreadable is taken for an empty list, null or false.
 * What may well not be there goes through `orNull` first.
 */
export function need<R extends Readonly<Record<string, Reading<unknown>>>>(
  readings: R,
): Answer<{ readonly [K in keyof R]: Value<R[K]> }> {
  const values: Record<string, unknown> = {};
  for (const [name, reading] of Object.entries(readings)) {
    if (reading.kind === 'unreadable') return reading;
    if (reading.kind === 'absent') return unreadable('io', `${inWords(name)}: there is none`);
    values[name] = reading.value;
  }
  return { kind: 'value', value: values as { readonly [K in keyof R]: Value<R[K]> } };
}

/** For what may be absent: that it is not there is an answer too. */
export const orNull = <T>(reading: Reading<T>): Answer<T | null> =>
  reading.kind === 'absent' ? { kind: 'value', value: null } : reading;

/** What follows from a reading, where it is a value. */
export function mapped<T, U>(reading: Reading<T>, map: (v: T) => U): Reading<U> {
  if (reading.kind === 'absent') return absent;
  return reading.kind === 'value' ? value(map(reading.value)) : reading;
}

/** `localRoutes` as `local routes`. */
const inWords = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
