import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeConfig } from '../../src/config/bytes.ts';
import { formatConfigError, parseConfig } from '../../src/config/load.ts';
import { linesOfYaml, mutantsOf, treesOfYaml } from '../unit/config/documents.ts';
import { EXAMPLE } from '../unit/config/example.ts';
import { layoutsOfYaml } from '../unit/config/layouts.ts';

const SMALL = [
  'version: 1\nvips:\n- 192.0.2.10\n- {address: 2001:db8::10, services: [tcp/443]}\n',
  'version: 1\nvips: [192.0.2.10]\nresponder: {interval: 1s, lease: 5s}\npersist: false\n',
  'version: 1\nvips:\n  - address: 192.0.2.10\n    services:\n      - {port: udp/53, probe: {send: "00", expect: "01"}}\n',
  'version: 1\nvips: []\nignore: [{id: "a*", reason: b, until: 2027-01-31}]\nrip: 10.0.0.11\ndirectors: [10.0.0.2]\n',
];

/** No document makes the parser throw; every error has a place in the document and is one line. */
async function survives(text: string): Promise<void> {
  const result = await parseConfig(text, 'f');
  if (result.kind === 'ok') return;
  expect(result.errors.length).toBeGreaterThan(0);
  const lines = text.split('\n').length;
  let before = 0;
  for (const error of result.errors) {
    const { line, column } = error;
    const place = line * 1e7 + column;
    // One comparison instead of four expect(): there are some 50 000 errors to look at.
    const fine =
      line >= 1 && line <= lines && column >= 1 && place >= before && ONE_LINE.test(formatConfigError(error));
    if (!fine) expect(error).toBe('an error in order, with a place in the document, on one line');
    before = place;
  }
}

const ONE_LINE = /^f:\d+:\d+: [\x20-\x7e…]+$/;

describe('no document crashes the parser', () => {
  it.each([
    ['4 000 small documents with slips', mutantsOf(SMALL), 4_000],
    ['500 large documents with slips', mutantsOf([EXAMPLE]), 500],
    ['2 000 documents line by line', linesOfYaml, 2_000],
    ['1 000 trees', treesOfYaml, 1_000],
    ['2 000 documents in every layout', layoutsOfYaml, 2_000],
    ['1 000 random texts', fc.string({ unit: 'binary', maxLength: 60 }), 1_000],
    [
      '1 000 random texts of YAML characters',
      fc.string({ unit: fc.constantFrom(...' -:[]{}"\'#&*!|>?,\n\ta1.'), maxLength: 60 }),
      1_000,
    ],
  ] as const)(
    '%s',
    async (_, documents, numRuns) => {
      await fc.assert(fc.asyncProperty(documents as fc.Arbitrary<string>, survives), { numRuns });
    },
    60_000,
  );

  it('1 000 random byte strings', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.uint8Array({ maxLength: 3 }), fc.nat(EXAMPLE.length)).map(([piece, at]) => {
        const text = new TextEncoder().encode(EXAMPLE);
        return Uint8Array.from([...text.subarray(0, at), ...piece, ...text.subarray(at)]);
      }),
    );
    const property = fc.asyncProperty(bytes, async (input) => {
      const decoded = decodeConfig(input, 'f');
      if (decoded.kind === 'text') await survives(decoded.text);
      else expect(formatConfigError(decoded.error)).toMatch(/^f:\d+:\d+: the file is not UTF-8: /);
    });
    await fc.assert(property, { numRuns: 1_000 });
  }, 60_000);

  it.each([
    ['open brackets', '['.repeat(20_000)],
    ['closed brackets', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['flow mappings', '{a: '.repeat(20_000)],
    ['list items', '- '.repeat(20_000)],
    ['explicit keys', '? '.repeat(20_000)],
    ['one long line', `a: ${'x'.repeat(500_000)}`],
    ['one long address', `version: 1\nvips: ["${'1:'.repeat(200_000)}"]`],
    ['one long number', `version: ${'9'.repeat(400_000)}`],
    ['many keys', Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['many duplicate keys', 'a: 1\n'.repeat(10_000)],
    ['many wrong VIPs', `version: 1\nvips:\n${'  - x\n'.repeat(10_000)}`],
    ['many equal VIPs', `version: 1\nvips:\n${'  - 192.0.2.10\n'.repeat(10_000)}`],
    ['many anchors', `a:\n${'  - &a [*a, *a]\n'.repeat(5_000)}`],
    ['many comments', '#\n'.repeat(100_000)],
  ])(
    '%s, within seconds',
    async (_, text) => {
      const start = performance.now();
      const result = await parseConfig(text, 'f');
      expect(result.kind).toBe('invalid');
      expect(performance.now() - start).toBeLessThan(8_000);
    },
    20_000,
  );
});

describe('10 000 VIPs', () => {
  it('are read the same in the short and in the long way', async () => {
    const vips = Array.from(
      { length: 10_000 },
      (_, i) => `  - 10.${1 + (i >> 14)}.${(i >> 7) & 127}.${i & 127}\n`,
    ).join('');
    const short = await parseConfig(`version: 1\nvips:\n${vips}`, 'f');
    const long = await parseConfig(`version: 1\nvips:\n${vips}# caf\u00e9\n`, 'f');
    expect(short.kind === 'ok' && short.desired.vips.length).toBe(10_000);
    expect(long).toEqual(short);
  });
});
