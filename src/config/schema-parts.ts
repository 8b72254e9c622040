import * as v from 'valibot';
import type { Parsed, Problem } from './problem.ts';

/** What a valibot message carries here: one string, so the parts of a problem are its lines (none contains a line break). */
export const encodeMessage = (message: string, expected: string, hint: string): string =>
  `${message}\n${expected}\n${hint}`;

export const UNKNOWN_KEY = 'unknown key';

export function decodeMessage(text: string): Pick<Problem, 'message' | 'expected' | 'hint'> {
  const [message = '', expected = '', hint = ''] = text.split('\n');
  return { message, expected, hint };
}

type Entries = v.ObjectEntries;
type In<E extends Entries> = v.InferInput<v.ObjectSchema<E, undefined>>;
type Out<E extends Entries> = v.InferOutput<v.ObjectSchema<E, undefined>>;
/** A schema known by what it takes and gives. */
export type Schema<I, O> = v.GenericSchema<I, O>;

/**
 * The two ways to build the same schema: to read documents (choose by the kind of value, and report every unknown key
 * at once, where valibot's own union and strictObject stop at the first), and to describe them as JSON Schema.
 */
export interface Shapes {
  mapping<const E extends Entries>(expected: string, entries: E): Schema<In<E>, Out<E>>;
  textOrMapping<T, I, O>(text: Schema<string, T>, mapping: Schema<I, O>): Schema<string | I, T | O>;
}

export const reading: Shapes = {
  mapping(expected, entries) {
    const unknownKey = v.never(encodeMessage(UNKNOWN_KEY, `one of ${Object.keys(entries).join(', ')}`, ''));
    // The only issue of its own that objectWithRest can have here is a missing key.
    const known = v.objectWithRest(entries, unknownKey, encodeMessage('missing key', expected, ''));
    const refused = v.never(encodeMessage('not a mapping', expected, 'write "key: value" pairs'));
    type S = Schema<In<typeof entries>, Out<typeof entries>>;
    return v.lazy((input) => (isMapping(input) ? known : refused) as unknown as S);
  },
  textOrMapping(text, mapping) {
    type S = Schema<string, never>;
    return v.lazy((input) => (typeof input === 'object' && input !== null ? mapping : text) as unknown as S);
  },
};

const isMapping = (input: unknown): input is Readonly<Record<string, unknown>> =>
  typeof input === 'object' && input !== null && !Array.isArray(input);

/** What a text field says about itself. */
export interface TextField<T> {
  readonly what: string;
  readonly expected: string;
  /** What to do when YAML read something else than text here. */
  readonly hint: string | ((input: unknown) => string);
  readonly parse: (text: string) => Parsed<T>;
  /** For editors: regular expression that takes at least all that `parse` takes, examples, limits. */
  readonly json?: Readonly<Record<string, unknown>>;
}

/** A text that one of our own parsers turns into a branded value. */
export function text<T>(field: TextField<T>): Schema<string, T> {
  const { what, expected, hint, parse, json } = field;
  const message = (issue: { readonly input: unknown }) =>
    encodeMessage(wrongType(issue.input), expected, typeof hint === 'string' ? hint : hint(issue.input));
  return v.pipe(
    v.string(message),
    v.description(what),
    v.metadata(json ?? {}),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      if (!dataset.typed) return NEVER;
      const result = parse(dataset.value);
      if (result.kind === 'ok') return result.value;
      addIssue({ message: encodeMessage(result.message, result.expected, result.hint) });
      return NEVER;
    }),
  );
}

function wrongType(input: unknown): string {
  if (input === null) return 'nothing is written here';
  if (typeof input === 'number') return 'YAML reads this as a number';
  if (typeof input === 'boolean') return 'YAML reads this as true or false';
  return `not a text`;
}

export function integer(what: string, min: number, max: number): Schema<number, number> {
  const expected = `a whole number of ${min} to ${max}`;
  const message = (issue: { readonly input: unknown }) =>
    typeof issue.input === 'string' && /^\d+$/.test(issue.input)
      ? encodeMessage('a number in quotes', expected, `write ${issue.input} without quotes`)
      : encodeMessage('not a whole number in plain decimal', expected, 'write the digits alone');
  const range = encodeMessage('out of range', expected, 'correct the number');
  return v.pipe(
    v.number(message),
    v.description(what),
    v.integer(message),
    v.minValue(min, range),
    v.maxValue(max, range),
  );
}

export function boolean(what: string): Schema<boolean, boolean> {
  const message = (issue: { readonly input: unknown }) => {
    const word = typeof issue.input === 'string' ? issue.input.toLowerCase() : '';
    const plain = { yes: 'true', on: 'true', true: 'true', no: 'false', off: 'false', false: 'false' }[word];
    const hint =
      plain === undefined ? 'write true or false' : `write ${plain} without quotes: YAML 1.2 knows only true and false`;
    return encodeMessage('neither true nor false', 'true or false', hint);
  };
  return v.pipe(v.boolean(message), v.description(what));
}

export function list<I, O>(what: string, expected: string, item: Schema<I, O>): Schema<I[], O[]> {
  return v.pipe(
    v.array(item, encodeMessage('not a list', expected, 'write a list, one "- …" a line, or [] for none')),
    v.description(what),
  );
}
