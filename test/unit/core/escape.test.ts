import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeJson, escapeLines, escapeText } from '../../../src/core/escape.ts';
import { hostile, STEERING } from '../../support/hostile.ts';

describe('a piece of text', () => {
  it.each([
    ['\u001b[8mhidden', '\\x1b[8mhidden'],
    ['two\nlines\r\n\tand a tab', 'two\\nlines\\r\\n\\tand a tab'],
    ['\u0000\u0007\u007f\u0085\u009b8m', '\\x00\\x07\\x7f\\x85\\x9b8m'],
    ['\u061c\u200e\u200f\u202a\u202e\u2066\u2069', '\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069'],
    ['a\u200bb\u200dc\u2060d\ufeffe\u00adf\u3164', 'a\\u200bb\\u200dc\\u2060d\\ufeffe\\xadf\\u3164'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\ud800 alone, \udfff too', '\\ud800 alone, \\udfff too'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
  ])('%j is shown as %s', (text, shown) => expect(escapeText(text)).toBe(shown));

  it.each(['eth0', 'näme — “quoted” ×·…', 'имя', '名前', '😀', 'a\\x1b'])('%s stays as it is', (text) =>
    expect(escapeText(text)).toBe(text),
  );

  it('steers nothing, whatever it is', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(escapeText(text)).not.toMatch(STEERING);
        expect(escapeLines(text).replace(/\r\n|[\n\t]/g, '')).not.toMatch(STEERING);
      }),
    );
  });
});

describe('JSON', () => {
  it('means the same, and its text steers nothing', () => {
    fc.assert(
      fc.property(hostile, hostile, (key, text) => {
        const value = Object.fromEntries([[key, [text]]]);
        const json = escapeJson(JSON.stringify(value, null, 2));
        expect(JSON.parse(json)).toEqual(value);
        expect(json.replaceAll('\n', '')).not.toMatch(STEERING);
      }),
    );
  });
});
