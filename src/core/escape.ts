/**
 * What text of others (names of processes and interfaces, files, children, the network, earlier runs) could do to whoever reads it:
 * move the cursor, colour, hide, reorder, or begin a line. Unicode calls it control, format, surrogate, separator of lines and
 * paragraphs, and ignorable, which is shown as nothing (UAX #9, UAX #44).
 */
const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** The same, but for the ends of lines and tabs: for text that is ours as a whole. */
const STEERING_IN_LINES = /(?![\n\t]|\r\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Most text has nothing else (ASCII, Latin-1, typographic marks, arrows, lines of a drawing), and is told apart quickly. */
const PLAIN = /^[\x20-\x7e\xa0-\xac\xae-\xff\u2010-\u2027\u2190-\u22ff\u2500-\u257f]*$/;

/** One piece of somebody's text for a person: on one line, and everything that steers can be seen (`\x1b`, `\u202e`, `\n`). */
export const escapeText = (text: string): string => (PLAIN.test(text) ? text : text.replace(STEERING, visible));

/** A document of ours of several lines, in which text of others is escaped already: this is the net below. */
export const escapeLines = (text: string): string => text.replace(STEERING_IN_LINES, visible);

/** JSON as JSON.stringify makes it: it means the same, but none of it steers the terminal that shows it. */
export const escapeJson = (json: string): string => json.replace(STEERING_IN_LINES, inJson);

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return SHORT[character] ?? `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

/** RFC 8259, section 7: UTF-16 code units. */
const inJson = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => `\\u${hexUnit(character.charCodeAt(at))}`).join('');

const hexUnit = (unit: number): string => unit.toString(16).padStart(4, '0');
