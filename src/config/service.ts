import { ok, type Parsed, problem } from './problem.ts';

export interface ServicePort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

const EXPECTED = 'tcp/PORT or udp/PORT, with a port of 1 to 65535';

/** `tcp/443` or `udp/53`. */
export function parseService(text: string): Parsed<ServicePort> {
  const match = /^(tcp|udp)\/([1-9]\d{0,9})$/.exec(text);
  if (match === null) return notAService(text);
  const port = Number(match[2]);
  if (port > 65535) return problem(text, `there is no port ${port}`, EXPECTED, 'correct the port');
  return ok({ protocol: match[1] as 'tcp' | 'udp', port });
}

function notAService(text: string): Parsed<ServicePort> {
  const say = (message: string, hint: string) => problem(text, message, EXPECTED, hint);
  if (/^\d+$/.test(text)) return say('a port without its protocol', `write tcp/${text} or udp/${text}`);
  if (/^(tcp|udp)\/0+$/i.test(text)) return say('port 0 cannot be offered', 'write the port the director offers');
  const loose = /^\s*(tcp|udp)\s*[/: ]\s*0*([1-9]\d*)\s*$/i.exec(text);
  if (loose !== null) return say('not written as a service', `write ${loose[1]?.toLowerCase()}/${loose[2]}`);
  const turned = /^0*([1-9]\d*)\s*[/: ]\s*(tcp|udp)$/i.exec(text);
  if (turned !== null) return say('the protocol comes first', `write ${turned[2]?.toLowerCase()}/${turned[1]}`);
  if (/^(tcp|udp)[/: ]/i.test(text))
    return say('the port is not a number', 'write the number: service names are not looked up');
  if (/^(sctp|dccp|quic|icmp)\b/i.test(text))
    return say('not a protocol that rsprep checks', 'use tcp or udp (QUIC is udp)');
  return say('not a service', 'write the protocol, a slash and the port, such as tcp/443');
}

/** Longest probe request or reply, in bytes: fits one datagram on any path, and a line of the configuration. */
const PROBE_BYTES = 255;

/** Bytes as hexadecimal digits, lower case in the result. `minBytes` is 0 or 1. */
export function parseHex(text: string, minBytes: 0 | 1): Parsed<string> {
  const expected = `${minBytes} to ${PROBE_BYTES} bytes as hexadecimal digits, two each`;
  const say = (message: string, hint: string) => problem(text, message, expected, hint);
  if (/^0x/i.test(text)) return say('a prefix before the hexadecimal digits', `drop "${text.slice(0, 2)}"`);
  if (/^[0-9a-f]+([\s:-]+[0-9a-f]+)+$/i.test(text)) {
    return say('separators between the hexadecimal digits', 'write the digits in one run');
  }
  const odd = /[^0-9a-f]/i.exec(text);
  if (odd !== null)
    return say(`character ${odd.index + 1} is not a hexadecimal digit`, 'use 0-9 and a-f, such as 1a2b');
  if (text.length % 2 !== 0) {
    return say(`an odd number of hexadecimal digits (${text.length})`, 'write two digits for every byte');
  }
  const bytes = text.length / 2;
  if (bytes < minBytes) return say('no bytes at all', 'write what the service answers');
  if (bytes > PROBE_BYTES) return say(`${bytes} bytes are too many`, 'shorten it');
  return ok(text.toLowerCase());
}
