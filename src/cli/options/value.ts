import { type DurationLimits, parseDuration, rangeText } from '../../core/duration.ts';

/** What came of reading a word that a person typed. All parts are phrases: no capital first, no full stop last. */
export type Read<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly expected: string; readonly why?: string; readonly hint?: string };

/** A kind of word that options and arguments take. */
export interface Value<T> {
  /** As help shows it, between angle brackets. */
  readonly name: string;
  readonly read: (word: string) => Read<T>;
  /** Where only certain words are taken. */
  readonly choices?: readonly string[];
  /** Where a shell can complete it. */
  readonly completes?: 'file' | 'directory';
}

export const ok = <T>(value: T): Read<T> => ({ kind: 'ok', value });
export const refused = (expected: string): Read<never> => ({ kind: 'refused', expected });

/** What a parser makes of the word; null stands for a word that is none. */
export const parsed = <T>(name: string, expected: string, parse: (word: string) => T | null): Value<T> => ({
  name,
  read: (word) => {
    const value = parse(word);
    return value === null ? refused(expected) : ok(value);
  },
});

/** In milliseconds. */
export const duration = (limits: DurationLimits): Value<number> => ({
  name: 'duration',
  read: (word) => {
    const read = parseDuration(word, limits);
    return read.kind === 'ok' ? read : { kind: 'refused', expected: read.expected, why: read.message, hint: read.hint };
  },
});

/** The same; but a bare number is that many seconds, as `apply --confirm 60` always was. */
export const seconds = (limits: DurationLimits): Value<number> => ({
  name: 'seconds',
  read: (word) => {
    const read = duration(limits).read(/^\d+$/.test(word) ? `${word}s` : word);
    return read.kind === 'ok' ? read : refused(`seconds, or ${rangeText(limits)}`);
  },
});

/** Decimal digits alone: no sign, no fraction, no 0x, no exponent, no leading zero, no blank. */
export function parseWhole(word: string, least: number, most: number): number | null {
  if (!/^(0|[1-9]\d{0,14})$/.test(word)) return null;
  const number = Number(word);
  return number >= least && number <= most ? number : null;
}

export const whole = (name: string, least: number, most: number): Value<number> =>
  parsed(name, `a whole number from ${least} to ${most}`, (word) => parseWhole(word, least, most));

/** tcp(7), udp(7): 0 is no port to send to. */
export const parsePort = (word: string): number | null => parseWhole(word, 1, 65_535);

export const oneOf = <const T extends string>(name: string, words: readonly T[]): Value<T> => ({
  ...parsed(name, inWords(words), (word) => words.find((known) => known === word) ?? null),
  choices: words,
});

/** `text`, `text or json`, `text, json or junit`. */
export const inWords = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? 'nothing') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** Terminals, directors and the journal show it: one line of it each. */
export const line = (most: number): Value<string> =>
  parsed('text', `a few words, on one line of at most ${most} characters`, (word) => {
    const text = word.trim();
    return text === '' || text.length > most || /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text) ? null : text;
  });

const absolute = (name: string, completes: 'file' | 'directory'): Value<string> => ({
  ...parsed(name, `an absolute path`, (word) => (word.startsWith('/') && !word.includes('\0') ? word : null)),
  completes,
});
export const absoluteFile: Value<string> = absolute('path', 'file');
export const absoluteDirectory: Value<string> = absolute('dir', 'directory');

export const file: Value<string> = {
  ...parsed('file', 'a file, or - for standard input', (word) => (word === '' || word.includes('\0') ? null : word)),
  completes: 'file',
};

/** Whatever is typed; the command itself says what it means. */
export const word: Value<string> = { name: 'word', read: ok };
