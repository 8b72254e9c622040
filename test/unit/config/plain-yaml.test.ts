import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocument } from '../../../src/config/document.ts';
import { readPlainYaml } from '../../../src/config/plain-yaml.ts';
import { linesOfYaml, mutantsOf, treesOfYaml } from './documents.ts';
import { EXAMPLE } from './example.ts';

const SHORT = 'version: 1\nvips:\n- 192.0.2.10\n- {address: 2001:db8::10, services: [tcp/443]}\npersist: false\n';

/** What the short reader accepts, the yaml package must read to the same value without any complaint. */
function agrees(text: string): boolean {
  const plain = readPlainYaml(text);
  if (plain === null) return true;
  const full = readDocument(text);
  expect(full.findings).toEqual([]);
  expect(plain.value).toEqual(full.value);
  return true;
}

describe('the short reader agrees with the yaml package', () => {
  it('on 10 000 generated documents, and accepts enough of them for this to mean something', () => {
    let accepted = 0;
    const check = (text: string) => {
      if (readPlainYaml(text) !== null) accepted++;
      return agrees(text);
    };
    fc.assert(fc.property(linesOfYaml, check), { numRuns: 3_000 });
    fc.assert(fc.property(treesOfYaml, check), { numRuns: 4_000 });
    fc.assert(fc.property(mutantsOf([EXAMPLE, SHORT]), check), { numRuns: 3_000 });
    expect(accepted).toBeGreaterThan(2_000);
  }, 60_000);

  it('on JSON as programs write it, and on mutants of that', () => {
    let accepted = 0;
    const check = (text: string) => {
      if (readPlainYaml(text) !== null) accepted++;
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
  ])('accepts %s', (_, text) => {
    expect(readPlainYaml(text)).not.toBeNull();
    agrees(text);
  });

  it.each([
    ['an item between two columns', 'vips:\n  - address: 192.0.2.10\n   device: lo\n'],
    ['a value over two lines', 'a: b\n  c\n'],
    ['JSON with a duplicate key', '{"a":1,"a":2}'],
    ['JSON with spaces', '{"a": 1}'],
    ['a fraction in JSON', '{"a":1.5}'],
    ['an escape in JSON', '{"a":"\\n"}'],
    ['a duplicate key', 'a: 1\na: 2\n'],
    ['a tab', 'a:\tb\n'],
    ['an anchor', 'a: &b c\n'],
    ['an escape', 'a: "\\x41"\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['an address that ends in a colon', '- 2001:db8::\n'],
    ['a key without value', 'a:\nb: 1\n'],
    ['a letter that is not ASCII', 'a: \u00e9\n'],
    ['seventeen levels', `a: ${'['.repeat(17)}${']'.repeat(17)}\n`],
    ['nothing', ''],
  ])('leaves %s to it', (_, text) => {
    expect(readPlainYaml(text)).toBeNull();
  });

  it('reads the example of the documentation', () => {
    expect(readPlainYaml(EXAMPLE)).not.toBeNull();
    agrees(EXAMPLE);
  });
});
