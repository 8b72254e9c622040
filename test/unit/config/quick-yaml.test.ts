import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocument } from '../../../src/config/document.ts';
import { readQuickly } from '../../../src/config/quick-yaml.ts';
import { linesOfYaml, mutantsOf, treesOfYaml } from './documents.ts';
import { EXAMPLE } from './example.ts';
import { layoutsOfYaml } from './layouts.ts';

const SHORT = 'version: 1\nvips:\n- 192.0.2.10\n- {address: 2001:db8::10, services: [tcp/443]}\npersist: false\n';

/** What the quick reader accepts, the yaml package must read to the same value without any complaint. */
function agrees(text: string): boolean {
  const quick = readQuickly(text);
  if (quick === null) return true;
  const full = readDocument(text);
  expect(full.findings).toEqual([]);
  expect(quick.value).toEqual(full.value);
  return true;
}

describe('the quick reader agrees with the yaml package', () => {
  it('on 10 000 generated documents, and accepts enough of them for this to mean something', () => {
    let accepted = 0;
    const check = (text: string) => {
      if (readQuickly(text) !== null) accepted++;
      return agrees(text);
    };
    fc.assert(fc.property(layoutsOfYaml, check), { numRuns: 4_000 });
    fc.assert(fc.property(linesOfYaml, check), { numRuns: 2_000 });
    fc.assert(fc.property(treesOfYaml, check), { numRuns: 2_000 });
    fc.assert(fc.property(mutantsOf([EXAMPLE, SHORT]), check), { numRuns: 2_000 });
    expect(accepted).toBeGreaterThan(2_000);
  }, 60_000);

  it('on JSON as programs write it, and on mutants of that', () => {
    let accepted = 0;
    const check = (text: string) => {
      if (readQuickly(text) !== null) accepted++;
      return agrees(text);
    };
    const text = fc
      .dictionary(fc.stringMatching(/^[a-z]?[\w ]{0,6}$/), fc.jsonValue({ maxDepth: 4 }))
      .map((tree) => JSON.stringify(tree));
    fc.assert(fc.property(text, check), { numRuns: 2_000 });
    fc.assert(
      fc.property(
        mutantsOf([
          `${JSON.stringify({ version: 1, vips: ['192.0.2.10', { address: '2001:db8::10' }], persist: false })}\n`,
        ]),
        check,
      ),
      { numRuns: 2_000 },
    );
    expect(accepted).toBeGreaterThan(300);
  }, 60_000);

  it.each([
    ['JSON', '{"version":1,"vips":["192.0.2.10",{"address":"2001:db8::10","services":["tcp/443"]}],"persist":false}\n'],
    ['block list at the column of its key', 'vips:\n- 192.0.2.10\n- 192.0.2.11\nrip: 10.0.0.11\n'],
    ['deeper block list', 'vips:\n    - 192.0.2.10\nrip: 10.0.0.11\n'],
    ['mappings in a list', 'vips:\n  - address: 192.0.2.10\n    device: lo\n  - 192.0.2.11\n'],
    ['comments and empty lines', '---\n# a\n\nversion: 1 # b\nvips: # c\n  # d\n  - 192.0.2.10 # e\n'],
    ['flow', 'vips: [192.0.2.10, {address: 2001:db8::10, services: [tcp/443, {port: udp/53}]}, []]\n'],
    ['quotes', 'a: "b # c"\nd: \'e: "f"\'\n'],
    ['words', 'a: lab NIC\nb: a:b\nc: 12:30\n'],
    ['no line end at the end', 'version: 1'],
    [
      'brackets over several lines',
      'vips: [\n  192.0.2.10, # a\n  {address: 2001:db8::10,\n   services: [tcp/443]},\n ]\n',
    ],
    ['a value below its key', 'rip:\n  10.0.0.11\n'],
    ['JSON with spaces', '{"a": 1, "b": [true, null]}\n'],
    ['a quote in quotes', "a: 'it''s'\n"],
    ['lists in a list', 'a:\n- - 1\n  - 2\n-   - 3\n'],
  ])('accepts %s', (_, text) => {
    expect(readQuickly(text)).not.toBeNull();
    agrees(text);
  });

  it.each([
    ['an item between two columns', 'vips:\n  - address: 192.0.2.10\n   device: lo\n'],
    ['a value over two lines', 'a: b\n  c\n'],
    ['a quoted value over two lines', 'a: "b\n  c"\n'],
    ['a literal block', 'a: |\n  b\n'],
    ['a folded block', 'a: >\n  b\n'],
    ['JSON with a duplicate key', '{"a":1,"a":2}'],
    ['an escape in JSON', '{"a":"\\n"}'],
    ['a duplicate key', 'a: 1\na: 2\n'],
    ['a duplicate key in braces', 'a: {b: 1, b: 2}\n'],
    ['a tab', 'a:\tb\n'],
    ['an anchor', 'a: &b c\n'],
    ['an anchor on a list', 'a: &b\n  - c\n'],
    ['an alias', 'a: &b [c]\nd: *b\n'],
    [
      'ten to the ninth by aliases',
      `a: &a [x]\n${'bcdefghij'.replace(/./g, (k, at) => `${k}: &${k} [${`*${'abcdefghi'[at]},`.repeat(10)}]\n`)}`,
    ],
    ['a tag', 'a: !!str 1\n'],
    ['a tag on a mapping', 'a: !!map\n  b: c\n'],
    ['a merge key', 'a: {<<: {b: 1}}\n'],
    ['a key that is no text', '[a]: b\n'],
    ['a key that is a pair', '{a: b}: c\n'],
    ['a key with a space', 'a b: c\n'],
    ['a key that valibot passes over', 'constructor: 1\n'],
    ['a key that is the prototype', '__proto__: {a: 1}\n'],
    ['a directive', '%YAML 1.1\n---\na: b\n'],
    ['what begins like a directive', '%# \n---\na: b\n'],
    ['a key right behind a flow mapping', 'version: 1\nvips: {a: b}c: d\n'],
    ['a key right behind a flow mapping in a list', 'v:\n  - {a: b, c: [d]}e: f\n'],
    ['a word right behind a flow sequence', 'a: [b]c\n'],
    ['an escape', 'a: "\\x41"\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['the end of a document first', '...\na: b\n'],
    ['the end of a document last', 'a: b\n...\n'],
    ['a mark of a document that is indented', ' ---\na: b\n'],
    ['a bracket that closes at the column of its key', 'a: [\n  b,\n]\n'],
    ['CR LF', 'a: b\r\n'],
    ['a byte order mark', '\uFEFFa: b\n'],
    ['an address that ends in a colon', '- 2001:db8::\n'],
    ['a key without value', 'a:\nb: 1\n'],
    ['an item without value', 'a:\n  -\n  - b\n'],
    ['a letter that is not ASCII', 'a: \u00e9\n'],
    ['twenty levels', `a: ${'['.repeat(20)}${']'.repeat(20)}\n`],
    ['a thousand levels', `a: ${'['.repeat(1000)}${']'.repeat(1000)}\n`],
    ['nothing', ''],
    ['a comment alone', '# a\n'],
  ])('leaves %s to it', (_, text) => {
    expect(readQuickly(text)).toBeNull();
  });

  it.each([
    ...[
      '010',
      '0o17',
      '0x1F',
      '0b1',
      '1_000',
      '1e3',
      '1.5',
      '.5',
      '-.inf',
      '.NaN',
      '+5',
      '-0',
      '9007199254740993',
      '12:30:45',
    ],
    ...[
      'yes',
      'no',
      'on',
      'off',
      'y',
      'n',
      'True',
      'NULL',
      '~',
      '2027-01-31',
      '2027-01-31 10:00:00',
      '=',
      '<<',
      '100%',
    ],
  ])('gives the word %s the same meaning', (word) => {
    expect(readQuickly(`a: ${word}\n`)).not.toBeNull();
    agrees(`a: ${word}\n`);
    agrees(`a: [${word}, "${word}"]\n`);
  });

  it('reads the example of the documentation', () => {
    expect(readQuickly(EXAMPLE)).not.toBeNull();
    agrees(EXAMPLE);
  });
});
