import * as v from 'valibot';
import { type ReadDocument, readDocument } from './document.ts';
import type { ConfigError } from './problem.ts';
import { quote } from './quote.ts';
import { type Conflict, conflicts, type Path } from './relations.ts';
import type { ParsedDocument } from './schema.ts';
import { decodeMessage, UNKNOWN_KEY } from './schema-parts.ts';
import { suggest } from './suggest.ts';
import type { Finding } from './syntax.ts';

export type ExplainResult =
  | { readonly kind: 'ok'; readonly document: ParsedDocument }
  | { readonly kind: 'invalid'; readonly errors: readonly ConfigError[] };

/**
 * The long way: the yaml package, positions, and a message for every error. Loaded only for a document that the short way
 * does not read or that is wrong.
 */
export function readAndExplain(
  text: string,
  file: string,
  schema: v.GenericSchema<unknown, ParsedDocument>,
  allowEmpty: boolean,
): ExplainResult {
  const read = readDocument(text);
  const errors: Located[] = [...read.findings];
  if (!read.broken) {
    const result = v.safeParse(schema, read.value);
    const refused = new PathSet(read.findings.filter(({ replaced }) => replaced).map(({ path }) => path));
    const issues = (result.issues ?? []).map((issue) => ({ issue, path: pathOf(issue) }));
    for (const { issue, path } of issues) {
      if (!refused.covers(path)) errors.push(explainIssue(issue, path, read));
    }
    for (const { path } of issues) refused.add(path);
    const found = conflicts(result.output, { allowEmpty, isRefused: (path) => refused.covers(path) });
    errors.push(...found.map((conflict) => explainConflict(conflict, read)));
    if (errors.length === 0 && result.success) return { kind: 'ok', document: result.output };
  }
  // Stable, so that errors at the same place stay in the order they were found.
  const sorted = errors.sort((a, b) => a.offset - b.offset);
  return { kind: 'invalid', errors: sorted.map((error) => toConfigError(error, file, read)) };
}

type Located = Omit<Finding, 'replaced'>;

function explainIssue(issue: v.BaseIssue<unknown>, path: Path, read: ReadDocument): Located {
  const { message, expected, hint } = decodeMessage(issue.message);
  const place = read.locate(path);
  const key = String(path.at(-1) ?? '');
  if (issue.type === 'never' && message === UNKNOWN_KEY) {
    const meant = suggest(key, expected.split(/[ ,]+/).slice(2));
    const advice = meant === null ? 'delete it' : `did you mean ${meant}?`;
    return {
      ...{ offset: place.keyOffset ?? place.offset, path, message, expected, hint: advice },
      received: quote(key),
    };
  }
  if (issue.expected === `"${key}"` && issue.input === undefined) {
    const parent = read.locate(path.slice(0, -1));
    const example = `add ${key}: ${EXAMPLES[key] ?? '…'}`;
    const missing = { message: `the key ${key} is missing`, expected, received: 'a mapping without it', hint: example };
    return { offset: parent.offset, path: parent.path, ...missing };
  }
  return { offset: place.offset, path, message, expected, received: place.received, hint };
}

/** What a required key may look like. */
const EXAMPLES: Readonly<Record<string, string>> = {
  ...{ version: '1', vips: '[192.0.2.10]', address: '192.0.2.10', port: 'udp/53', send: '"1a2b"', expect: '"1a2b"' },
  ...{ id: 'arp-ignore@eth9', reason: 'lab NIC', rip: '10.0.0.11', realServers: '[{rip: 10.0.0.11}]' },
};

function explainConflict(conflict: Conflict, read: ReadDocument): Located {
  const { message, expected, hint, other } = conflict;
  const { offset, path, received } = read.locate(conflict.path);
  if (other === null) return { offset, path, message, expected, received, hint };
  const first = read.locate(other);
  const { line, column } = read.position(first.offset);
  // A default has no place of its own: locate() then stops at the mapping around it.
  const where = first.path.length === other.length || pathEnd(other) === 'address' || pathEnd(other) === 'port';
  const both = where ? `${message} (the other is at line ${line}, column ${column})` : message;
  return { offset, path, message: both, expected, received, hint };
}

const pathEnd = (path: Path): string | number | undefined => path.at(-1);

const pathOf = (issue: v.BaseIssue<unknown>): Path =>
  (issue.path ?? []).map((item) => (typeof item.key === 'number' ? item.key : String(item.key)));

/** Paths whose values were refused, and so everything below them. */
class PathSet {
  readonly #keys = new Set<string>();
  constructor(paths: readonly Path[]) {
    for (const path of paths) this.add(path);
  }
  add(path: Path): void {
    this.#keys.add(JSON.stringify(path));
  }
  covers(path: Path): boolean {
    return (
      path.some((_, index) => this.#keys.has(JSON.stringify(path.slice(0, index)))) ||
      this.#keys.has(JSON.stringify(path))
    );
  }
}

function toConfigError(error: Located, file: string, read: ReadDocument): ConfigError {
  const { line, column } = read.position(error.offset);
  const { message, expected, received, hint } = error;
  return { file, line, column, path: pathText(error.path), message, expected, received, hint };
}

/** `vips[3].services[0].port`; a key that is not a plain word in quotes. */
const pathText = (path: Path): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const word = /^[A-Za-z][A-Za-z0-9_-]*$/.test(step) ? step : quote(step);
    return text === '' ? word : `${text}.${word}`;
  }, '');
