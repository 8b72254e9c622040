import {
  EVENT_ID,
  type Event,
  getScalarValue,
  type MappingEvent,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
} from 'js-yaml';
import { resolvePlain } from './resolve-plain.ts';

/**
 * Reads the YAML that nearly every configuration is written in, or gives `null` for anything else: js-yaml needs a quarter of the
 * time of the yaml package, which alone reports errors with their places (docs/adr/config-two-yaml-readers.md has the figures).
 *
 * The rule that makes two readers safe: what this one accepts, the yaml package reads to the same value without an error
 * (test/unit/config/quick-yaml.test.ts, over generated documents), and whatever it or the schema does not accept is read
 * again by the yaml package. So it refuses all that YAML readers are known to differ in: what is not printable ASCII, tabs, escapes,
 * anchors, aliases, tags, directives, block scalars, scalars over several lines, empty values, keys that are not a word.
 * What an unquoted word means is said in one place for both, resolvePlain().
 */
export function readQuickly(text: string): { readonly value: unknown } | null {
  if (NOT_OURS.test(text)) return null;
  try {
    const reader: Reader = { text, events: parseEvents(text, { maxDepth: MAX_DEPTH }), at: 1 };
    const [document] = reader.events;
    if (document?.type !== EVENT_ID.DOCUMENT || document.directives.length > 0) return null;
    const value = readNode(reader);
    // The end of the document is the last event: no second one follows.
    return value === REFUSED || reader.at !== reader.events.length - 1 ? null : { value };
  } catch {
    return null; // the yaml package says what is wrong
  }
}

/**
 * Of the marks of documents only `---` at the very left: js-yaml takes an indented one for a mark as well. It also passes over a line that begins
 * like a directive, and goes on right behind the end of a flow collection.
 */
const NOT_OURS = /[^\x20-\x7e\n]|\\|^ +---|^ *\.\.\.|^ *%|[}\]][^ \n,:}\]]/m;
const MAX_DEPTH = 16;
const KEY = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
// valibot passes these over on every object, known or not; the other reader reports them.
const ODD_KEYS = new Set(['constructor', 'prototype']);
const REFUSED = Symbol('refused');

interface Reader {
  readonly text: string;
  readonly events: readonly Event[];
  at: number;
}

function readNode(reader: Reader): unknown {
  const event = reader.events[reader.at++];
  switch (event?.type) {
    case EVENT_ID.SCALAR: {
      const content = readScalar(reader, event);
      return content !== null && event.style === SCALAR_STYLE.PLAIN ? resolvePlain(content) : (content ?? REFUSED);
    }
    case EVENT_ID.SEQUENCE:
      return isBare(event) ? readList(reader) : REFUSED;
    case EVENT_ID.MAPPING:
      return isBare(event) ? readMapping(reader) : REFUSED;
    default:
      return REFUSED;
  }
}

function readList(reader: Reader): unknown {
  const list: unknown[] = [];
  while (reader.events[reader.at]?.type !== EVENT_ID.POP) {
    const item = readNode(reader);
    if (item === REFUSED) return REFUSED;
    list.push(item);
  }
  reader.at++;
  return list;
}

function readMapping(reader: Reader): unknown {
  const mapping: Record<string, unknown> = {};
  for (;;) {
    const event = reader.events[reader.at++];
    if (event?.type === EVENT_ID.POP) return mapping;
    const key = event?.type === EVENT_ID.SCALAR ? readScalar(reader, event) : null;
    if (key === null || !KEY.test(key) || ODD_KEYS.has(key) || Object.hasOwn(mapping, key)) return REFUSED;
    const value = readNode(reader);
    if (value === REFUSED) return REFUSED;
    mapping[key] = value;
  }
}

/** A scalar on one line, or null for any other. */
function readScalar({ text }: Reader, event: ScalarEvent): string | null {
  const isOrdinary = event.style <= SCALAR_STYLE.DOUBLE_QUOTED && isBare(event);
  if (!isOrdinary || (event.style === SCALAR_STYLE.PLAIN && event.valueStart >= event.valueEnd)) return null;
  return text.slice(event.valueStart, event.valueEnd).includes('\n') ? null : getScalarValue(text, event);
}

const isBare = (event: ScalarEvent | SequenceEvent | MappingEvent): boolean =>
  event.anchorStart < 0 && event.tagStart < 0;
