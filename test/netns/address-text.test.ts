import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseVip } from '../../src/config/address.ts';

interface Link {
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** The addresses of lo in a network namespace that ends with the command, after these were added to it. */
function asTheKernelHasThem(addresses: readonly string[]): string[] {
  const batch = addresses
    .map((address) => `address add ${address}/${address.includes(':') ? 128 : 32} dev lo\n`)
    .join('');
  const script = 'ip -batch - && ip -j address show dev lo';
  const shown = execFileSync('unshare', ['--net', 'sh', '-c', script], { input: batch, encoding: 'utf8' });
  const [lo] = JSON.parse(shown) as Link[];
  return (lo?.addr_info ?? [])
    .filter(({ prefixlen }) => prefixlen === 32 || prefixlen === 128)
    .map(({ local }) => local);
}

/** Any 128 bits, zero groups more often than chance would have them; as text in no special form. */
const ipv6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff), fc.nat(15)), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':'));

describe("addresses in the kernel's text form", () => {
  it('a VIP that was accepted is shown by the kernel exactly as parseVip() wrote it', () => {
    const typed = fc.sample(fc.oneof({ weight: 3, arbitrary: ipv6 }, { weight: 1, arbitrary: fc.ipV4() }), 4_000);
    const accepted = typed.flatMap((text) => {
      const result = parseVip(text);
      return result.kind === 'ok' ? [result.value as string] : [];
    });
    const wanted = [...new Set(accepted)];
    expect(wanted.length).toBeGreaterThan(1_000);
    expect(asTheKernelHasThem(wanted).sort()).toEqual(wanted.sort());
  });
});
