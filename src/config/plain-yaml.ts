import { resolvePlain } from './resolve-plain.ts';

/**
 * Reads the plain part of YAML that nearly every configuration is written in, or gives `null` for anything else. The
 * yaml package needs 12 ms for 100 VIPs and 46 ms for 1 000 (a bare Node starts in 30); this needs a fifth to a seventh of it.
 *
 * The rule that makes two readers safe: what this one accepts, the yaml package reads to the same value without an error
 * (test/unit/config/plain-yaml.test.ts, over generated documents), and whatever it or the schema does not accept is read
 * again by the yaml package, which alone reports errors. So it refuses by default: printable ASCII only, spaces only, one
 * line per value, no escapes, tags, anchors, block scalars, or second documents.
 */
export function readPlainYaml(text: string): { readonly value: unknown } | null {
  if (/[^\x20-\x7e\n]/.test(text)) return null;
  if (text.startsWith('{')) return readCompactJson(text);
  const lines: Line[] = [];
  for (const raw of text.split('\n')) {
    const content = raw.trimStart();
    if (content !== '' && content[0] !== '#')
      lines.push({ indent: raw.length - content.length, content: content.trimEnd() });
  }
  const start = lines[0]?.content === '---' && lines[0].indent === 0 ? 1 : 0;
  const first = lines[start];
  if (first === undefined || first.indent !== 0) return null;
  const reader: Reader = { lines, at: start };
  const value = readBlock(reader, 0, 0);
  return value === REFUSED || reader.at !== lines.length ? null : { value };
}

/**
 * JSON as programs write it, which is YAML. Only text that JSON.stringify() gives back unchanged: so no key stands twice, and nothing
 * is escaped or spelled in another way.
 */
function readCompactJson(text: string): { readonly value: unknown } | null {
  const json = text.trimEnd();
  if (/[\\]|__proto__/.test(json)) return null;
  try {
    const value: unknown = JSON.parse(json);
    return isPlain(value, 0) && JSON.stringify(value) === json ? { value } : null;
  } catch {
    return null; // the yaml package says what is wrong
  }
}

function isPlain(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1));
  return Object.entries(value).every(([key, item]) => /^[a-z]\w{0,99}$/i.test(key) && isPlain(item, depth + 1));
}

interface Line {
  readonly indent: number;
  readonly content: string;
}
interface Reader {
  readonly lines: Line[];
  at: number;
}
const REFUSED = Symbol('refused');
const MAX_DEPTH = 16;

function readBlock(reader: Reader, indent: number, depth: number): unknown {
  if (depth > MAX_DEPTH) return REFUSED;
  const isList = reader.lines[reader.at]?.content.startsWith('- ') === true;
  return isList ? readList(reader, indent, depth) : readMapping(reader, indent, depth);
}

function readList(reader: Reader, indent: number, depth: number): unknown {
  const list: unknown[] = [];
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    const { content } = line;
    if (!content.startsWith('- ')) break;
    if (content[2] === ' ') return REFUSED;
    const rest = content.slice(2);
    let item: unknown;
    if (KEY.test(rest)) {
      // "- key: value" begins a mapping whose column is that of the key.
      reader.lines[reader.at] = { indent: indent + 2, content: rest };
      item = readMapping(reader, indent + 2, depth + 1);
    } else {
      item = readValue(rest, depth + 1);
      reader.at++;
      if ((reader.lines[reader.at]?.indent ?? 0) > indent) return REFUSED;
    }
    if (item === REFUSED) return REFUSED;
    list.push(item);
  }
  return list;
}

const KEY = /^([A-Za-z][A-Za-z0-9_-]{0,63}):(?: +|$)/;
// valibot passes these over on every object, known or not; the other reader reports them.
const ODD_KEYS = new Set(['constructor', 'prototype']);

function readMapping(reader: Reader, indent: number, depth: number): unknown {
  if (depth > MAX_DEPTH) return REFUSED;
  const mapping: Record<string, unknown> = {};
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    const match = KEY.exec(line.content);
    if (match === null) return REFUSED;
    const [lead, key = ''] = match;
    if (Object.hasOwn(mapping, key) || ODD_KEYS.has(key) || typeof resolvePlain(key) !== 'string') return REFUSED;
    const rest = line.content.slice(lead.length);
    reader.at++;
    const below = reader.lines[reader.at];
    let value: unknown;
    if (rest !== '' && rest[0] !== '#') {
      value = readValue(rest, depth + 1);
      if (below !== undefined && below.indent > indent) return REFUSED;
    } else if (below !== undefined && below.indent > indent) {
      value = readBlock(reader, below.indent, depth + 1);
    } else if (below?.indent === indent && below.content.startsWith('- ')) {
      value = readList(reader, indent, depth + 1);
    } else {
      return REFUSED;
    }
    if (value === REFUSED) return REFUSED;
    mapping[key] = value;
  }
  const next = reader.lines[reader.at];
  return next !== undefined && next.indent > indent ? REFUSED : mapping;
}

/** A value on its line, a comment after it allowed. */
function readValue(content: string, depth: number): unknown {
  const cursor = { content, at: 0 };
  const value = readInline(cursor, depth, false);
  return value === REFUSED || !/^(?: +#.*)?$/.test(content.slice(cursor.at)) ? REFUSED : value;
}

interface Cursor {
  readonly content: string;
  at: number;
}

/**
 * Words that begin with a letter or digit, of characters that begin nothing else in YAML. A colon inside a word is a letter,
 * one at its end is not. Inside brackets, commas and the like are not letters either.
 */
const FLOW_WORDS = words('./@*_%+=-');
const BLOCK_WORDS = words("./@*_%+=,;()!?&'-");

function words(others: string): RegExp {
  const letter = `(?:[A-Za-z0-9${others}]|:(?=[A-Za-z0-9:${others}]))`;
  return new RegExp(`[A-Za-z0-9/]${letter}*(?: +[A-Za-z0-9${others.includes('(') ? '(' : ''}]${letter}*)*`, 'y');
}

const QUOTED = /"([^"\\]*)"|'([^']*)'/y;

function readInline(cursor: Cursor, depth: number, inFlow: boolean): unknown {
  if (depth > MAX_DEPTH) return REFUSED;
  const first = cursor.content[cursor.at];
  if (first === '[') return readFlowList(cursor, depth);
  if (first === '{') return readFlowMapping(cursor, depth);
  const pattern = first === '"' || first === "'" ? QUOTED : inFlow ? FLOW_WORDS : BLOCK_WORDS;
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.content);
  if (match === null) return REFUSED;
  cursor.at = pattern.lastIndex;
  const after = cursor.content[cursor.at];
  if (after !== undefined && after !== ' ' && !(inFlow && ',]}'.includes(after))) return REFUSED;
  return pattern === QUOTED ? (match[1] ?? match[2]) : resolvePlain(match[0]);
}

function readFlowList(cursor: Cursor, depth: number): unknown {
  const list: unknown[] = [];
  cursor.at++;
  if (skipTo(cursor) === ']') return closed(cursor, list);
  for (;;) {
    const item = readInline(cursor, depth + 1, true);
    if (item === REFUSED) return REFUSED;
    list.push(item);
    const mark = skipTo(cursor);
    if (mark === ']') return closed(cursor, list);
    if (mark !== ',') return REFUSED;
    cursor.at++;
    skipTo(cursor);
  }
}

const FLOW_KEY = /([A-Za-z][A-Za-z0-9_-]{0,63}): +/y;

function readFlowMapping(cursor: Cursor, depth: number): unknown {
  const mapping: Record<string, unknown> = {};
  cursor.at++;
  if (skipTo(cursor) === '}') return closed(cursor, mapping);
  for (;;) {
    FLOW_KEY.lastIndex = cursor.at;
    const key = FLOW_KEY.exec(cursor.content)?.[1];
    if (key === undefined || Object.hasOwn(mapping, key) || ODD_KEYS.has(key) || typeof resolvePlain(key) !== 'string')
      return REFUSED;
    cursor.at = FLOW_KEY.lastIndex;
    const value = readInline(cursor, depth + 1, true);
    if (value === REFUSED) return REFUSED;
    mapping[key] = value;
    const mark = skipTo(cursor);
    if (mark === '}') return closed(cursor, mapping);
    if (mark !== ',') return REFUSED;
    cursor.at++;
    skipTo(cursor);
  }
}

function closed<T>(cursor: Cursor, collection: T): T {
  cursor.at++;
  return collection;
}

/** Passes spaces over and gives the character there. */
function skipTo(cursor: Cursor): string | undefined {
  while (cursor.content[cursor.at] === ' ') cursor.at++;
  return cursor.content[cursor.at];
}
