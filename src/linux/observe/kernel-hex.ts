import { fromBits, toBits } from '../../core/model/ip-bits.ts';
import { familyOf, type Ip } from '../../core/model/names.ts';

/** An address as /proc prints its bytes: 8 or 32 hexadecimal digits, the most significant first. */
export const ipOfHex = (hex: string): Ip => fromBits(BigInt(`0x${hex}`), hex.length === 8 ? 4 : 6);

/** The same printed as 32-bit words in host order, bytes reversed within each on the machines we run on (net/ipv4/tcp_ipv4.c). */
export const ipOfWords = (hex: string): Ip => ipOfHex(swapped(hex));

/** The inverse of `ipOfWords`, in capitals as the kernel has it. */
export const wordsOfIp = (ip: Ip): string =>
  swapped(
    toBits(ip)
      .toString(16)
      .toUpperCase()
      .padStart(familyOf(ip) === 6 ? 32 : 8, '0'),
  );

const swapped = (hex: string): string =>
  hex.replace(/(..)(..)(..)(..)/g, (_word, a: string, b: string, c: string, d: string) => d + c + b + a);
