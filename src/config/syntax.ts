import type { YAMLError } from 'yaml';
import { MAX_CONFIG_BYTES } from './bytes.ts';
import { quote } from './quote.ts';
import type { Path } from './relations.ts';

/** What is wrong with a document as text or as YAML. */
export interface Finding {
  /** In UTF-16 code units from the beginning. */
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
  readonly expected: string;
  readonly received: string;
  readonly hint: string;
  /** True if the value could not be kept: then nothing more can be said about it or what is below it. */
  readonly replaced: boolean;
}

/** Why a text cannot be YAML of ours at all, whatever it says; the first reason. */
export function textFinding(text: string): Finding | null {
  const finding = (offset: number, message: string, expected: string, received: string, hint: string): Finding => ({
    ...{ offset, path: [], message, expected, received, hint, replaced: true },
  });
  if (text.length > MAX_CONFIG_BYTES) {
    return finding(
      0,
      'the configuration is too large',
      'at most 1 MiB',
      'more than that',
      'see whether this is the right file',
    );
  }
  if (text.startsWith('\uFEFF')) {
    return finding(
      0,
      'the file begins with a byte order mark',
      'plain UTF-8',
      'U+FEFF',
      'save it as "UTF-8 without BOM"',
    );
  }
  const control = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\uFEFF\uFFFE\uFFFF]|\r(?!\n)/.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    const name = code === '0000' ? 'a NUL byte' : 'a control character';
    const hint = code === '000D' ? 'end lines with LF or CR LF' : 'delete it; is this a text file?';
    return finding(control.index, name, 'printable text', `U+${code}`, hint);
  }
  if (text.split('\n').every((line) => /^\s*(?:#|$)/.test(line))) {
    return finding(
      0,
      'the configuration is empty',
      'at least "version: 1" and "vips:"',
      'nothing',
      'see "rsprep config schema"',
    );
  }
  return null;
}

interface Advice {
  /** In place of the package's own words. */
  readonly message?: string;
  readonly expected: string;
  readonly hint: string;
}

const YAML = 'YAML 1.2';
const ADVICE: Readonly<Record<string, Advice>> = {
  TAB_AS_INDENT: { message: 'a tab in the indentation', expected: 'spaces', hint: 'replace every tab by spaces' },
  MULTIPLE_DOCS: {
    message: 'a second document',
    expected: 'one document',
    hint: 'delete everything from this line on',
  },
  BAD_SCALAR_START: { expected: YAML, hint: 'put the text in quotes' },
  BAD_ALIAS: { expected: YAML, hint: 'put a text that begins with * in quotes' },
  BAD_INDENT: { expected: YAML, hint: 'align it with the lines above' },
  BLOCK_AS_IMPLICIT_KEY: {
    expected: YAML,
    hint: 'align it with the lines above; a text with ": " has to be in quotes',
  },
  TAG_RESOLVE_FAILED: {
    expected: 'a value without anchors, aliases and tags',
    hint: 'delete the tag; a text that begins with ! has to be in quotes',
  },
  BLOCK_IN_FLOW: { expected: YAML, hint: 'write it without [ ] and { }, or on one line' },
  MULTILINE_IMPLICIT_KEY: { expected: 'a key on one line', hint: 'is a colon missing, or a space after one?' },
  MISSING_CHAR: { expected: YAML, hint: 'add what is missing' },
  RESOURCE_EXHAUSTION: { message: 'nested too deep', expected: 'a few levels', hint: 'flatten it' },
  UNEXPECTED_TOKEN: { expected: YAML, hint: 'look at indentation, colons and quotes of this line' },
};

/** An error of the yaml package in the words of this program. */
export function syntaxFinding(error: YAMLError, text: string): Finding {
  const offset = Math.max(0, Math.min(error.pos[0], text.length));
  const advice = ADVICE[error.code] ?? { expected: YAML, hint: 'correct this line' };
  const own = error.message
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 160)
    .trim();
  // The package points at where the text goes on, not at the bracket.
  const unclosed = /indented and end with a ([\]}])/.exec(own)?.[1];
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset);
  const line = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).trim();
  return {
    offset,
    path: [],
    message: advice.message ?? `not YAML: ${own.charAt(0).toLowerCase()}${own.slice(1)}`,
    expected: advice.expected,
    received: text.slice(offset).trim() === '' ? 'the end of the file' : line === '' ? 'an empty line' : quote(line),
    hint: unclosed === undefined ? advice.hint : `close it with ${unclosed}`,
    replaced: true,
  };
}
