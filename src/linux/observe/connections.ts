import { readFileSync } from 'node:fs';
import { type Ip, isIpv6 } from '../../core/model/names.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { causeOf, errorText, isAbsent } from '../files/errors.ts';
import { wordsOfIp } from './kernel-hex.ts';

/** TCP_ESTABLISHED (include/net/tcp_states.h). */
const ESTABLISHED = '01';

const IPV4 = '/proc/net/tcp';

/** Established TCP connections to the given local addresses, from /proc/net/tcp and tcp6 (proc(5)). */
export function establishedTo(ips: readonly string[]): Reading<readonly string[]> {
  const wanted = new Map(ips.flatMap((ip) => hexForms(ip as Ip).map((hex) => [hex, ip] as const)));
  const found: string[] = [];
  for (const file of [IPV4, '/proc/net/tcp6']) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      // A kernel without IPv6 has no tcp6.
      if (isAbsent(error) && file !== IPV4) continue;
      return unreadable(causeOf(error), `${file}: ${errorText(error)}`);
    }
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', , state] = line.trim().split(/\s+/);
      const [address = '', port = ''] = local.split(':');
      const ip = wanted.get(address);
      if (state === ESTABLISHED && ip !== undefined) found.push(`${ip}:${Number.parseInt(port, 16)}`);
    }
  }
  return value(found);
}

/** Of IPv4 also as a dual-stack socket has it, IPv4-mapped. */
function hexForms(ip: Ip): readonly string[] {
  const own = wordsOfIp(ip);
  return isIpv6(ip) ? [own] : [own, `0000000000000000FFFF0000${own}`];
}
