import { type Ip, isIpv6, kernelIp } from './names.ts';

/** The number of an address: 32 or 128 bits. Any correct spelling of IPv6 without a dotted tail. */
export function toBits(ip: Ip): bigint {
  if (!isIpv6(ip)) return ip.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = ip.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((sum, part) => sum * 65536n + BigInt(`0x${part}`), 0n);
}

/** The address of a number, as the kernel prints it: RFC 5952, and IPv4-mapped ones with a dotted tail (inet_ntop(3)). */
export function fromBits(bits: bigint, family: 4 | 6): Ip {
  if (family === 4) return kernelIp([24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 255n)).join('.'));
  if (bits >> 32n === 0xffffn) return kernelIp(`::ffff:${fromBits(bits & 0xffff_ffffn, 4)}`);
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  const { start, length } = longestZeros(groups);
  if (length < 2) return kernelIp(groups.join(':'));
  return kernelIp(`${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`);
}

/** The first of the longest runs, which `::` stands for. */
function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== '0') start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}
