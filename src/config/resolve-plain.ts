/** What an unquoted text means. */
export type PlainValue = string | number | boolean | null;

/**
 * The core schema of YAML 1.2 (chapter 10.3), narrowed: a number is a whole one in plain decimal. What other readers of
 * the same file take for a number in another notation (`1e3`, `0x10`, `010`, `192.0`, `.5`) becomes NaN, which no key
 * accepts: such a text means different things to different programs, so it has to be quoted or written plainly.
 */
export function resolvePlain(text: string): PlainValue {
  const first = text.charCodeAt(0);
  // Most values begin with a letter that no special word begins with, or are addresses with two dots or a colon.
  if (DECIMAL.test(text)) return Number(text);
  if (first > 0x39 || Number.isNaN(first)) return WORDS.has(text) ? (WORDS.get(text) ?? null) : text;
  if (NUMERIC.test(text)) return Number.NaN;
  return WORDS.has(text) ? (WORDS.get(text) ?? null) : text;
}

const DECIMAL = /^(?:0|-?[1-9][0-9]*)$/;
const NUMERIC =
  /^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);
