import { escapeJson, escapeLines, escapeText } from '../core/escape.ts';

/** Not exported: only what is made in this file is safe. */
let trusted: (text: string) => SafeText;

/**
 * Text that may be shown: what is in it of others is escaped, and what steers a terminal in it (colours, ends of lines) is ours.
 * Everything that rsprep prints is of this type, so that a string cannot be printed before it went through here.
 */
export class SafeText {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static {
    trusted = (text) => new SafeText(text);
  }

  toString(): string {
    return this.#text;
  }
}

type Piece = string | number | SafeText;

/** safe`lo holds ${name}`: the text in the program's own source is ours, what is put into it is escaped. */
export const safe = (ours: TemplateStringsArray, ...theirs: readonly Piece[]): SafeText =>
  trusted(ours.map((text, at) => text + escapePiece(theirs[at])).join(''));

const escapePiece = (piece: Piece = ''): string => (typeof piece === 'string' ? escapeText(piece) : piece.toString());

/** Each on a line of its own, without an end of line behind the last. */
export const joinSafe = (pieces: readonly Piece[], between: '\n' | ', ' | '' = '\n'): SafeText =>
  trusted(pieces.map(escapePiece).join(between));

/** Lines with an end each; nothing where there is none. */
export const safeLines = (lines: readonly Piece[]): SafeText =>
  trusted(lines.map((line) => `${escapePiece(line)}\n`).join(''));

/** ECMA-48, 8.3.117: select graphic rendition, and back. */
export const painted = (open: number, piece: Piece, close: number): SafeText =>
  trusted(`\u001b[${open}m${escapePiece(piece)}\u001b[${close}m`);

/**
 * A text of several lines that is ours as a whole (help, the man page, a configuration that was parsed), or in which text of others was
 * escaped by the rules of its form (XML, metrics). Its ends of lines stay; nothing else that steers does.
 */
export const ownText = (text: string): SafeText => trusted(escapeLines(text));

export const safeJson = (value: unknown): SafeText => ownJson(`${JSON.stringify(value, null, 2)}\n`);

/** JSON that somebody else wrote out. */
export const ownJson = (json: string): SafeText => trusted(escapeJson(json));

/** What a package with styles of its own makes of a value (pino-pretty): every text in the value is escaped before. */
export const styledBy = (value: unknown, make: (escaped: unknown) => string): SafeText =>
  trusted(make(escapeWithin(value)));

function escapeWithin(value: unknown): unknown {
  if (typeof value === 'string') return escapeText(value);
  if (Array.isArray(value)) return value.map(escapeWithin);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [escapeText(key), escapeWithin(item)]));
}
