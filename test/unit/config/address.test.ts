import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseHostAddress, parseVip } from '../../../src/config/address.ts';

// Generous: the machine may be busy with the tests that need a kernel.
vi.setConfig({ testTimeout: 30_000 });

/** WHATWG URL writes an IPv6 host in the form of RFC 5952, as the kernel's %pI6c and inet_ntop(3) do. */
const kernelForm = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff), fc.nat(15));
const groups = fc
  .tuple(fc.integer({ min: 0x2003, max: 0xfdff }), fc.array(group, { minLength: 7, maxLength: 7 }))
  .map(([first, rest]) => [first, ...rest]);
/** One address written in one of its many ways. */
const spelt = fc
  .tuple(groups, fc.nat(7), fc.nat(7), fc.boolean(), fc.boolean())
  .map(([parts, from, length, padded, upper]) => {
    const texts = parts.map((part) => (padded ? part.toString(16).padStart(4, '0') : part.toString(16)));
    const run = texts.slice(from, from + length);
    const isZero = run.length > 0 && parts.slice(from, from + length).every((part) => part === 0);
    const text = isZero
      ? `${texts.slice(0, from).join(':')}::${texts.slice(from + length).join(':')}`
      : texts.join(':');
    return upper ? text.toUpperCase() : text;
  });

describe('addresses', () => {
  it("come out in the kernel's form, however they are written", () => {
    const property = fc.property(spelt, (text) => {
      expect(parseVip(text)).toEqual({ kind: 'ok', value: kernelForm(text) });
      expect(parseVip(kernelForm(text))).toEqual({ kind: 'ok', value: kernelForm(text) });
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it('of IPv4 come out as they go in', () => {
    const property = fc.property(fc.ipV4(), (text) => {
      const first = Number(text.split('.')[0]);
      const usual = (first > 0 && first < 127) || (first > 127 && first < 224 && !text.startsWith('169.254.'));
      expect(parseVip(text).kind).toBe(usual ? 'ok' : 'problem');
      const result = parseVip(text);
      if (result.kind === 'ok') expect(result.value).toBe(text);
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it('are never taken from a text that the URL parser, a second opinion, does not take for the same', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF:::::....%/[]x '), maxLength: 24 });
    const property = fc.property(text, (input) => {
      const result = parseHostAddress(input);
      if (result.kind === 'problem') return;
      expect(result.value.includes(':') ? kernelForm(input) : new URL(`http://${input}/`).hostname).toBe(result.value);
    });
    fc.assert(property, { numRuns: 20_000 });
  });

  it.each([
    '::',
    '1::',
    '2001:db8::',
    '::1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7::',
    '1:0:0:2:0:0:0:3',
    '1:0:2:3:4:5:6:7',
    'a:b:c:d:e:f:1:2',
    '1::2:0:0:3',
  ])('of the shape %s are read as inet_pton(3) reads them', (text) => {
    const result = parseHostAddress(text);
    if (result.kind === 'ok') expect(result.value).toBe(kernelForm(text));
    else expect(result.message).toMatch(/unspecified|reserved|compatible/);
  });

  it.each([
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':1',
    '1:',
    ':::',
    '1:::2',
    ':',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8::',
    '::1.2.3',
    '1.2.3.4::',
  ])('are not %s', (text) => {
    expect(parseHostAddress(text).kind).toBe('problem');
  });
});
