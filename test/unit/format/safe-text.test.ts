import { expect, it } from 'vitest';
import { joinSafe, ownText, safe, safeJson, safeLines, styledBy } from '../../../src/format/safe-text.ts';
import { makeStyle } from '../../../src/format/style.ts';

const EVIL = '\u001b[8mno\nFORGED';
const colours = makeStyle(true);

it('what the source says is ours, what is put into it is not', () => {
  expect(safe`a\nb ${EVIL} ${3}`.toString()).toBe('a\nb \\x1b[8mno\\nFORGED 3');
});

it('our own style stays, also inside of another; what it paints is escaped', () => {
  expect(safe`${colours.red(EVIL)}!`.toString()).toBe('\u001b[31m\\x1b[8mno\\nFORGED\u001b[39m!');
  expect(colours.bold(safe`x ${colours.red('y')}`).toString()).toBe('\u001b[1mx \u001b[31my\u001b[39m\u001b[22m');
  expect(makeStyle(false).red(EVIL).toString()).toBe('\\x1b[8mno\\nFORGED');
});

it('a style that somebody else wrote as we do is none', () => {
  expect(safeLines(['\u001b[31mCRITICAL\u001b[39m']).toString()).toBe('\\x1b[31mCRITICAL\\x1b[39m\n');
});

it('lines are as many as were given', () => {
  expect(safeLines([EVIL, safe`${EVIL}`]).toString()).toBe('\\x1b[8mno\\nFORGED\n\\x1b[8mno\\nFORGED\n');
  expect(safeLines([]).toString()).toBe('');
  expect(joinSafe([EVIL, 'b'], ', ').toString()).toBe('\\x1b[8mno\\nFORGED, b');
});

it('a document of ours keeps its ends of lines, also those of Windows, and nothing else', () => {
  expect(ownText('a\r\n\tb\u202e\rc\n').toString()).toBe('a\r\n\tb\\u202e\\rc\n');
});

it('JSON says the same without steering', () => {
  const value = { text: `${EVIL}\u202e\u007f\u{e0041}` };
  expect(safeJson(value).toString()).toBe('{\n  "text": "\\u001b[8mno\\nFORGED\\u202e\\u007f\\udb40\\udc41"\n}\n');
  expect(JSON.parse(safeJson(value).toString())).toEqual(value);
});

it('what a package paints got only escaped text', () => {
  const shown = styledBy(
    { msg: EVIL, list: [EVIL], n: 1 },
    (entry) => `\u001b[32m${JSON.stringify(entry)}\u001b[39m\n`,
  );
  const text = '\\\\x1b[8mno\\\\nFORGED';
  expect(shown.toString()).toBe(`\u001b[32m{"msg":"${text}","list":["${text}"],"n":1}\u001b[39m\n`);
});
