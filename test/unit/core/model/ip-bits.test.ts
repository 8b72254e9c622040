// One reading and one writing of addresses as numbers: the same text that the kernel, RFC 5952 and the UDP socket have.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromBits, toBits } from '../../../../src/core/model/ip-bits.ts';
import { kernelIp } from '../../../../src/core/model/names.ts';
import { ipOfHex, ipOfWords, wordsOfIp } from '../../../../src/linux/observe/kernel-hex.ts';
import { textOf4, textOf6 } from '../../../../src/udp/address.ts';

/** Zero groups are what the text form is about. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });
const bitsOf = (parts: readonly number[]): bigint => parts.reduce((sum, part) => sum * 65536n + BigInt(part), 0n);

it('IPv6: the text is that of the UDP socket, and reads back', () => {
  const property = fc.property(groups, (parts) => {
    const bits = bitsOf(parts);
    const [a = 0, b = 0, c = 0, d = 0] = [0, 2, 4, 6].map((at) => (parts[at] ?? 0) * 65536 + (parts[at + 1] ?? 0));
    const text = fromBits(bits, 6);
    expect(text).toBe(textOf6(a, b, c, d));
    if (!text.includes('.')) expect(toBits(text)).toBe(bits);
  });
  fc.assert(property, { numRuns: 2000 });
});

it('IPv4: the text is that of the UDP socket, and reads back', () => {
  const property = fc.property(fc.nat(0xffff_ffff), (word) => {
    const text = fromBits(BigInt(word), 4);
    expect(text).toBe(textOf4(word));
    expect(toBits(text)).toBe(BigInt(word));
  });
  fc.assert(property);
});

it.each([
  ['10.0.0.100', '0A000064', '6400000A'],
  ['fd00::100', 'FD000000000000000000000000000100', '000000FD000000000000000000010000'],
])('%s, as files below /proc/net have it', (text, hex, words) => {
  const ip = kernelIp(text);
  expect(ipOfHex(hex)).toBe(ip);
  expect(ipOfHex(hex.toLowerCase())).toBe(ip);
  expect(ipOfWords(words)).toBe(ip);
  expect(wordsOfIp(ip)).toBe(words);
});
