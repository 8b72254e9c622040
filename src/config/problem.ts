import { printable, quote } from './quote.ts';

/** Why one value of the configuration is refused. Every part is a phrase: no capital first, no full stop last. */
export interface Problem {
  readonly kind: 'problem';
  /** What is wrong. */
  readonly message: string;
  readonly expected: string;
  readonly received: string;
  /** What to do next. */
  readonly hint: string;
}

/** What came of reading one value that a person typed. */
export type Parsed<T> = { readonly kind: 'ok'; readonly value: T } | Problem;

/** A problem with its place in the file. Lines and columns count from 1. */
export interface ConfigError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where in the document, such as `vips[3].services[0]`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
  readonly expected: string;
  readonly received: string;
  readonly hint: string;
}

export const ok = <T>(value: T): Parsed<T> => ({ kind: 'ok', value });

/** A problem about one typed text; `received` is that text in quotes. */
export const problem = (text: string, message: string, expected: string, hint: string): Problem => ({
  kind: 'problem',
  message: printable(message),
  expected: printable(expected),
  received: quote(text),
  hint: printable(hint),
});

/** `file:line:column: path: what: expected this, received that; do this` — one line, whatever the file contained. */
export function formatConfigError(error: ConfigError): string {
  const where = `${quoteFile(error.file)}:${error.line}:${error.column}: `;
  return `${where}${error.path === '' ? '' : `${error.path}: `}${formatProblem(error)}`;
}

export const formatProblem = (p: Pick<Problem, 'message' | 'expected' | 'received' | 'hint'>): string =>
  `${p.message}: expected ${p.expected}, received ${p.received}; ${p.hint}`;

// A file name may hold anything but NUL; only odd ones are quoted, so that editors still find the usual ones.
const quoteFile = (file: string): string => (/^[\x21-\x7e ]+$/.test(file) ? file : quote(file));
