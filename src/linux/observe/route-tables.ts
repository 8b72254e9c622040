import { readFileSync } from 'node:fs';
import type { InterfaceName } from '../../core/model/names.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import type { MainRoute } from '../../core/model/surroundings.ts';
import { causeOf, errorText, isAbsent } from '../files/errors.ts';
import { ipOfHex, ipOfWords } from './kernel-hex.ts';

/** RTF_UP, RTF_REJECT (an unreachable or blackhole route), RTF_LOCAL (linux/route.h, linux/ipv6_route.h). */
const [UP, REJECT, LOCAL] = [0x1, 0x200, 0x8000_0000];

const MAIN = '/proc/net/route';

/** IPv4 routes of the main table, proc(5) /proc/net/route: addresses as 32-bit words in host order. */
export const readMainTable = (): Reading<readonly MainRoute[]> =>
  readTable(MAIN, (line) => {
    const [device, destination, gateway, flags, , , , mask] = line.split('\t');
    if (!device || !destination || !gateway || !flags || !mask || !leadsOut(flags)) return null;
    return {
      device: device as InterfaceName,
      destination: ipOfWords(destination),
      prefixLength: Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length,
      gateway: gateway === '00000000' ? null : ipOfWords(gateway),
    };
  });

/** IPv6 routes of every table: destination, prefix length, source, its length, next hop, metric, two counters, flags, device. */
export const readTable6 = (): Reading<readonly MainRoute[]> =>
  readTable('/proc/net/ipv6_route', (line) => {
    const [destination, bits, , , gateway, , , , flags, device] = line.trim().split(/\s+/);
    if (!destination || !bits || !gateway || !flags || !device || device === 'lo' || !leadsOut(flags)) return null;
    return {
      device: device as InterfaceName,
      destination: ipOfHex(destination),
      prefixLength: Number.parseInt(bits, 16),
      gateway: /^0+$/.test(gateway) ? null : ipOfHex(gateway),
    };
  });

/** False for the heading, too. */
const leadsOut = (flags: string): boolean => {
  if (!/^[0-9a-f]+$/i.test(flags)) return false;
  const number = Number.parseInt(flags, 16);
  return (number & UP) !== 0 && (number & REJECT) === 0 && number < LOCAL;
};

function readTable(file: string, parse: (line: string) => MainRoute | null): Reading<readonly MainRoute[]> {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return value(lines.map(parse).filter((route) => route !== null));
  } catch (error) {
    // A kernel without IPv6 has nothing in it; without IPv4 there is none that rsprep runs on.
    return isAbsent(error) && file !== MAIN ? value([]) : unreadable(causeOf(error), `${file}: ${errorText(error)}`);
  }
}
