import { isIPv4, isIPv6 } from 'node:net';

/** IPv4 as one number, IPv6 as four, most significant first. */
export type Words = readonly number[];

/** Bounds what a sender who forges sources can make us remember. */
const CACHE_MAX = 4096;
/** Direct-mapped: one slot for each hash, the last one wins. Word 0 is 0.0.0.0. */
const slots4 = new Uint32Array(1024);
const texts4: string[] = Array.from({ length: 1024 }, () => '0.0.0.0');
const texts6 = new Map<number, { words: Words; text: string }>();
const words4 = new Map<string, Words>();
const words6 = new Map<string, Words>();

/** `192.0.2.10` of its number. */
export function textOf4(word: number): string {
  const slot = Math.imul(word, 0x9e3779b1) >>> 22;
  const known = texts4[slot];
  if (known !== undefined && slots4[slot] === word >>> 0) return known;
  const text = `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  slots4[slot] = word;
  texts4[slot] = text;
  return text;
}

/** RFC 5952 text of an IPv6 address; IPv4-mapped as `::ffff:192.0.2.10`, as inet_ntop(3) writes it. */
export function textOf6(a: number, b: number, c: number, d: number): string {
  const slot = (a ^ (b * 31) ^ (c * 131) ^ (d * 65599)) >>> 0;
  const known = texts6.get(slot);
  if (known !== undefined) {
    const { words } = known;
    if (words[0] === a && words[1] === b && words[2] === c && words[3] === d) return known.text;
  }
  const text = format6([a, b, c, d]);
  remember(texts6, slot, { words: [a, b, c, d], text });
  return text;
}

/** The words of an address for a socket of this family, or null. An IPv4 address on an IPv6 socket becomes IPv4-mapped. */
export function wordsOf(text: string, family: 4 | 6): Words | null {
  const known = (family === 4 ? words4 : words6).get(text);
  if (known !== undefined) return known;
  const words = family === 4 ? parse4(text) : parse6(text);
  return words === null ? null : remember(family === 4 ? words4 : words6, text, words);
}

/** The 16 bytes of an address; IPv4 as IPv4-mapped. Null when it is neither. */
export function bytesOf(text: string): Uint8Array | null {
  const words = wordsOf(text, 6);
  if (words === null) return null;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setUint32(4 * index, word);
  });
  return bytes;
}

function remember<K, V>(cache: Map<K, V>, key: K, value: V): V {
  if (cache.size >= CACHE_MAX) cache.clear();
  cache.set(key, value);
  return value;
}

function parse4(text: string): Words | null {
  if (!isIPv4(text)) return null;
  return [text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)];
}

function parse6(text: string): Words | null {
  const four = parse4(text)?.[0];
  if (four !== undefined) return [0, 0, 0xffff, four];
  if (!isIPv6(text) || text.includes('%')) return null;
  const last = text.slice(text.lastIndexOf(':') + 1);
  const mapped = parse4(last)?.[0];
  const plain =
    mapped === undefined
      ? text
      : `${text.slice(0, -last.length)}${(mapped >>> 16).toString(16)}:${(mapped & 0xffff).toString(16)}`;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const groups = [...left, ...(tail === undefined ? [] : zeros), ...right].map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((at) => (groups[at] ?? 0) * 65536 + (groups[at + 1] ?? 0));
}

function format6(words: Words): string {
  const [a = 0, b = 0, c = 0, d = 0] = words;
  if (a === 0 && b === 0 && c === 0xffff) return `::ffff:${textOf4(d)}`;
  const groups = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff]);
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = -1;
  groups.forEach((group, index) => {
    if (group !== 0) start = -1;
    else if (start < 0) start = index;
    if (start >= 0 && index - start + 1 > best.length) best = { start, length: index - start + 1 };
  });
  return best;
}
