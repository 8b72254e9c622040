import ipaddr from 'ipaddr.js';
import { DEFAULT_RESPONDER } from '../../../core/model/desired.ts';
import { safe } from '../../../format/safe-text.ts';
import { errorText } from '../../../linux/files/errors.ts';
import { type Subject, subjectKey } from '../../../udp/protocol.ts';
import type { Io } from '../../context.ts';
import { parsed, parsePort, type Value } from '../../options/value.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

export const TARGET = 'HOST, HOST:PORT or [IPV6]:PORT';

/** `host`, `host:port`, `[address]:port` or a bare IPv6 address. */
export const target: Value<Target> = parsed('host', TARGET, (word) => {
  if (isIP(word) === 6) return { host: word, port: DEFAULT_RESPONDER.port };
  const [, six, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(word) ?? [];
  const host = six ?? name;
  const port = digits === undefined ? DEFAULT_RESPONDER.port : parsePort(digits);
  return host === undefined || port === null ? null : { host, port };
});

/** Whatever address there is: what may be asked is for the responder to say. */
export const anyAddress: Value<string> = parsed('address', 'an IP address', (word) => (isIP(word) === 0 ? null : word));

export const vipAddress: Value<string> = parsed('address', 'an IP address', (word) =>
  subjectKey({ vip: word }) === null ? null : word,
);

export const service: Value<NonNullable<Subject['service']>> = parsed(
  'protocol/port',
  'a protocol and port such as tcp/443',
  (word) => {
    const [, protocol, digits = ''] = /^(tcp|udp|sctp)\/(\d{1,5})$/.exec(word) ?? [];
    const port = parsePort(digits);
    if (port === null || (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp')) return null;
    return { protocol, port };
  },
);

/** 4, 6, or 0 for what is no address. Not isIP() of node:net, which takes a tenth of a start to load: keepalived starts this every second. */
function isIP(text: string): 0 | 4 | 6 {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return 4;
  return ipaddr.IPv6.isValid(text) ? 6 : 0;
}

/** Of the source's family. Null after having said that a name has no such address. */
export async function addressOf(
  { host, port }: Target,
  source: string | null,
  io: Io,
): Promise<{ address: string; port: number } | null> {
  if (isIP(host.split('%')[0] ?? '') !== 0) return { address: host, port };
  try {
    const { lookup } = await import('node:dns/promises');
    return { address: (await lookup(host, { family: isIP(source ?? '') })).address, port };
  } catch (error) {
    io.err(safe`rsprep ask: ${host} has no address: ${errorText(error)}\n`);
    return null;
  }
}
