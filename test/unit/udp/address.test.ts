import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { textOf4, textOf6, wordsOf } from '../../../src/udp/address.ts';

it('IPv4 text comes back, and from a socket of the other family as IPv4-mapped', () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      const [word = 0] = wordsOf(text, 4) ?? [];
      expect(textOf4(word)).toBe(text);
      const [a = 1, b = 1, c = 1, d = 1] = wordsOf(text, 6) ?? [];
      expect(textOf6(a, b, c, d)).toBe(`::ffff:${text}`);
    }),
  );
});

it('IPv6 text is what the WHATWG parser makes of it (RFC 5952)', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const [a = 0, b = 0, c = 0, d = 0] = wordsOf(text, 6) ?? [];
      const ours = textOf6(a, b, c, d);
      expect(isIPv6(ours)).toBe(true);
      const canonical = (address: string): string => new URL(`http://[${address}]/`).hostname;
      expect(canonical(ours)).toBe(canonical(text));
      if (!ours.includes('.')) expect(`[${ours}]`).toBe(canonical(text));
    }),
    { numRuns: 1000 },
  );
});

it.each(['', '1.2.3', '256.0.0.1', '01.2.3.4', ':::', '1::2::3', 'host'])('%j is no address', (text) => {
  expect([wordsOf(text, 4), wordsOf(text, 6)]).toEqual([null, null]);
});
