import { ok, type Read, refused, type Value } from './value.ts';

/**
 * An option: what help, man page and completion say of it, and what it takes. Nothing that is given is ever ignored: what has no
 * meaning without another option, or beside another one, is refused before the command runs.
 */
export interface Option<T> {
  readonly does: string;
  readonly short: string | null;
  /** Null for a switch. */
  readonly value: Value<unknown> | null;
  /** Whether the value may be left out. */
  readonly bare: boolean;
  readonly repeatable: boolean;
  /** As they are typed: `--history`, `--format json`. One that is given needs all of them… */
  readonly requires: readonly string[];
  /** …and none of these. */
  readonly conflicts: readonly string[];
  /** @param given the words it was given, in order; null where it was not given */
  readonly read: (given: readonly string[] | null) => Read<T>;
}

interface More {
  readonly short?: string;
  readonly requires?: readonly string[];
  readonly conflicts?: readonly string[];
}

/** By their long names, without dashes. */
export type Options = Readonly<Record<string, Option<unknown>>>;
export type ValuesOf<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

type Differs = Partial<Pick<Option<unknown>, 'value' | 'bare' | 'repeatable'>>;

const option = <T>(does: string, more: More, differs: Differs, read: Option<T>['read']): Option<T> => ({
  ...{ value: null, bare: false, repeatable: false, ...differs },
  ...{ does, short: more.short ?? null, requires: more.requires ?? [], conflicts: more.conflicts ?? [], read },
});

export const flag = (does: string, more: More = {}): Option<boolean> =>
  option(does, more, {}, (given) => ok(given !== null));

/** Null where it is not given. */
export const optional = <T>(value: Value<T>, does: string, more: More = {}): Option<T | null> =>
  withDefault<T | null>(value, null, does, more);

export const withDefault = <T>(value: Value<T>, otherwise: T, does: string, more: More = {}): Option<T> =>
  option(does, more, { value }, (given) => (given === null ? ok(otherwise) : value.read(given.at(-1) ?? '')));

export const required = <T>(value: Value<T>, does: string, more: More = {}): Option<T> =>
  option(does, more, { value }, (given) => value.read(given?.at(-1) ?? ''));

/** `--revert` or `--revert TOKEN`: true without a value, false where it is not given. */
export const bare = <T>(value: Value<T>, does: string, more: More = {}): Option<T | boolean> =>
  option<T | boolean>(does, more, { value, bare: true }, (given) =>
    given === null || given.length === 0 ? ok(given !== null) : value.read(given.at(-1) ?? ''),
  );

/** May be given several times; empty where it is not given. */
export const repeated = <T>(value: Value<T>, does: string, more: More = {}): Option<readonly T[]> =>
  option<readonly T[]>(does, more, { value, repeatable: true }, (given) => {
    const values: T[] = [];
    for (const word of given ?? []) {
      const read = value.read(word);
      if (read.kind === 'refused') return read;
      values.push(read.value);
    }
    return ok(values);
  });

/** As `repeated`, and at least once. */
export const atLeastOnce = <T>(value: Value<T>, does: string): Option<readonly T[]> => ({
  ...repeated(value, does),
  read: (given) => (given === null ? refused('it at least once') : repeated(value, does).read(given)),
});

/** Positional words, each of one kind. */
export interface Argument<T> {
  /** `<shell>`, `[vip...]`: brackets for what may be left out. */
  readonly name: string;
  readonly does: string;
  readonly value: Value<T>;
}
