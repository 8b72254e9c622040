import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { quote } from './quote.ts';
import type { Path } from './relations.ts';
import { resolvePlain } from './resolve-plain.ts';
import { type Finding, syntaxFinding, textFinding } from './syntax.ts';

/** A YAML document as plain values, with what is wrong about it as YAML, and the way back from a path to a place. */
export interface ReadDocument {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** True if the text is not YAML at all: then `value` says nothing. */
  readonly broken: boolean;
  locate(path: Path): Place;
  /** Line and column, from 1, of an offset in UTF-16 code units. */
  position(offset: number): { readonly line: number; readonly column: number };
}

export interface Place {
  readonly offset: number;
  /** The part of the path that exists. */
  readonly path: Path;
  /** Where the last key is written; null for a list item and for the document. */
  readonly keyOffset: number | null;
  /** The value as written, for a message. */
  readonly received: string;
}

/** Deeper than any valid configuration, and far from the end of the stack. */
const MAX_DEPTH = 24;

export function readDocument(text: string): ReadDocument {
  const lineCounter = new LineCounter();
  const position = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const unreadable = textFinding(text);
  if (unreadable !== null) {
    addLineStarts(lineCounter, text);
    return { value: null, findings: [unreadable], broken: true, position, locate: () => nowhere };
  }
  // The failsafe schema keeps every scalar as it is written; resolvePlain() gives it a meaning. Duplicate keys are found
  // below, because the package compares each key with all before it.
  const document = parseDocument(text, {
    ...{ schema: 'failsafe', uniqueKeys: false, prettyErrors: false, strict: true, logLevel: 'error', lineCounter },
  });
  const findings: Finding[] = [...document.errors, ...document.warnings].map((error) => syntaxFinding(error, text));
  const directives = document.directives;
  if (directives?.yaml.explicit === true || Object.keys(directives?.tags ?? {}).length > 1)
    findings.push(directive(text));
  const root = document.contents as Node | null;
  if (findings.length > 0)
    return { value: null, findings: firstOfLine(findings, position), broken: true, position, locate: () => nowhere };
  const index: PairIndex = new WeakMap();
  const walker: Walker = { findings, position, index };
  const value = toValue(walker, root, [], 0);
  return { value, findings, broken: false, position, locate: (path) => locate(root, path, index) };
}

const nowhere: Place = { offset: 0, path: [], keyOffset: null, received: 'nothing' };

interface Walker {
  readonly findings: Finding[];
  readonly position: ReadDocument['position'];
  readonly index: PairIndex;
}

/** The first pair of every key: looking through all pairs for each of 20 000 unknown keys takes a minute. */
type PairIndex = WeakMap<YAMLMap, ReadonlyMap<string, Pair>>;

function toValue(walker: Walker, node: Node | null, path: Path, depth: number): unknown {
  if (node === null) return null;
  const refuse = (replaced: boolean, message: string, expected: string, received: string, hint: string): null => {
    walker.findings.push({ offset: offsetOf(node), path, message, expected, received, hint, replaced });
    return null;
  };
  const plainValue = 'a value without anchors, aliases and tags';
  if (isAlias(node)) {
    const hint = 'write the value itself; a text that begins with * has to be in quotes';
    return refuse(true, 'an alias', plainValue, quote(`*${node.source}`), hint);
  }
  const { anchor, tag } = node as { anchor?: string; tag?: string };
  if (anchor !== undefined) {
    const hint = 'delete it; a text that begins with & has to be in quotes';
    refuse(false, 'an anchor', plainValue, quote(`&${anchor}`), hint);
  }
  if (tag !== undefined) {
    refuse(
      false,
      'a tag',
      plainValue,
      quote(tag.replace('tag:yaml.org,2002:', '!!')),
      'delete it; a text that begins with ! has to be in quotes',
    );
  }
  if (depth > MAX_DEPTH) return refuse(true, 'nested too deep', `at most ${MAX_DEPTH} levels`, 'more', 'flatten it');
  if (isSeq(node))
    return node.items.map((item, index) => toValue(walker, item as Node | null, [...path, index], depth + 1));
  if (isMap(node)) return mappingToValue(walker, node, path, depth);
  if (!isScalar(node)) throw new Error('a YAML node that is neither alias, sequence, mapping nor scalar');
  const content = String(node.value ?? '');
  return node.type === 'PLAIN' || node.type === undefined ? resolvePlain(content) : content;
}

/** valibot passes these keys over on every object. */
const ODD_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

function mappingToValue(walker: Walker, map: YAMLMap, path: Path, depth: number): unknown {
  const value: Record<string, unknown> = Object.create(null);
  const first = new Map<string, Pair>();
  walker.index.set(map, first);
  const refuse = (at: Node, message: string, expected: string, received: string, hint: string, where: Path = path) =>
    walker.findings.push({ offset: offsetOf(at), path: where, message, expected, received, hint, replaced: false });
  const [only] = map.items;
  if (map.items.length === 1 && only !== undefined && isAddressEndingInColon(only)) {
    const key = only.key as Node;
    const typed = quote(`${keyText(key)}:`);
    walker.findings.push({
      ...{ offset: offsetOf(key), path, replaced: true, message: 'YAML reads this as a key, because a colon ends it' },
      ...{ expected: 'an address', received: typed, hint: `put it in quotes: ${typed}` },
    });
    return null;
  }
  for (const pair of map.items) {
    const keyNode = pair.key as Node | null;
    const key = keyText(keyNode);
    if (keyNode === null || key === null || key === '') {
      refuse(keyNode ?? map, 'a key that is not a word', 'the name of a key', received(keyNode), 'write "key: value"');
      continue;
    }
    const { anchor, tag } = keyNode as { anchor?: string; tag?: string };
    if (anchor !== undefined || tag !== undefined) {
      refuse(keyNode, 'an anchor or tag', 'the name of a key alone', quote(anchor ?? tag ?? ''), 'delete it', [
        ...path,
        key,
      ]);
    }
    const earlier = first.get(key);
    if (earlier !== undefined) {
      const { line, column } = walker.position(offsetOf(earlier.key as Node));
      const hint = `delete one; the first is at line ${line}, column ${column}`;
      refuse(keyNode, 'the same key twice', 'each key once', quote(key), hint, [...path, key]);
      continue;
    }
    first.set(key, pair);
    if (ODD_KEYS.has(key)) {
      refuse(keyNode, 'unknown key', 'a key of the configuration', quote(key), 'delete it', [...path, key]);
    } else {
      value[key] = toValue(walker, pair.value as Node | null, [...path, key], depth + 1);
    }
  }
  return value;
}

const isAddressEndingInColon = (pair: Pair): boolean =>
  isEmpty(pair.value as Node | null) && /^[0-9a-f]*:[0-9a-f:]*$/i.test(keyText(pair.key as Node) ?? '');

const keyText = (key: Node | null): string | null => (isScalar(key) ? String(key.value ?? '') : null);

const isEmpty = (node: Node | null): boolean =>
  node === null || (isScalar(node) && node.type === 'PLAIN' && (node.value === '' || node.value === null));

const offsetOf = (node: Node): number => node.range?.[0] ?? 0;

function locate(root: Node | null, path: Path, index: PairIndex): Place {
  let node = root;
  let keyOffset: number | null = null;
  const walked: (string | number)[] = [];
  for (const step of path) {
    let next: Node | null | undefined;
    if (isMap(node)) {
      const pair = index.get(node)?.get(String(step));
      if (pair === undefined) break;
      keyOffset = offsetOf(pair.key as Node);
      next = pair.value as Node | null;
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      keyOffset = null;
      next = node.items[step] as Node | null;
    } else {
      break;
    }
    walked.push(step);
    node = next;
  }
  const offset = isEmpty(node) && keyOffset !== null ? keyOffset : node === null ? 0 : offsetOf(node);
  return { offset, path: walked, keyOffset, received: received(node) };
}

/** A value as the file has it: bare if it is one plain word, else in quotes. */
function received(node: Node | null): string {
  if (isEmpty(node)) return 'nothing';
  if (isMap(node)) return node.items.length === 0 ? 'an empty mapping' : 'a mapping';
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list';
  if (!isScalar(node)) return 'an alias';
  const content = String(node.value);
  return node.type === 'PLAIN' && /^[\x21-\x7e]{1,80}$/.test(content) ? content : quote(content);
}

/** One slip often makes the rest of its line unreadable as well: the first error of a line is the one to fix. */
function firstOfLine(findings: readonly Finding[], position: ReadDocument['position']): Finding[] {
  const seen = new Set<number>();
  const sorted = [...findings].sort((a, b) => a.offset - b.offset);
  return sorted.filter(({ offset }) => {
    const { line } = position(offset);
    return seen.has(line) ? false : seen.add(line);
  });
}

function addLineStarts(counter: LineCounter, text: string): void {
  counter.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) counter.addNewLine(at + 1);
}

function directive(text: string): Finding {
  return {
    offset: Math.max(0, text.search(/^%/m)),
    path: [],
    message: 'a YAML directive',
    expected: 'YAML 1.2 without directives',
    received: quote(/^%.*/m.exec(text)?.[0] ?? '%'),
    hint: 'delete the line',
    replaced: true,
  };
}
