import type { Service } from '../core/model/desired.ts';

/** A request that a service answers, and how its answer begins; hex digits. */
export interface KnownQuestion {
  readonly send: string;
  readonly expect: string;
}

/** The name servers of the root, RFC 1035 section 4.1; the answer repeats the number. */
const DNS: KnownQuestion = { send: '7270010000010000000000000000020001', expect: '7270' };
/** A client's packet, RFC 5905 section 7.3: version 4, mode 3, the rest zeros. */
const NTP: KnownQuestion = { send: `23${'00'.repeat(47)}`, expect: '' };

const WELL_KNOWN: Readonly<Record<string, KnownQuestion>> = { 'udp/53': DNS, 'udp/123': NTP };

/** The configured `probe`, or what the port's protocol answers; null where nobody knows what to ask. */
export const questionFor = ({ protocol, port, probe }: Service): KnownQuestion | null =>
  probe ?? WELL_KNOWN[`${protocol}/${port}`] ?? null;
