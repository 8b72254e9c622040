import ipaddr from 'ipaddr.js';
import type { Ip, Ipv4, Ipv6 } from '../core/model/names.ts';
import { ok, type Parsed, type Problem, problem } from './problem.ts';
import { quote } from './quote.ts';

/** What an address is for. A VIP must be one that a director can publish; other addresses name a host. */
export type AddressUse = 'vip' | 'host';

/**
 * An IP address as a person types it, in the text form of the kernel. Strict: no prefix length, zone, port, brackets,
 * name, or leading zero. Refuses what cannot be a VIP (or a host's address) at all; the refusal says why.
 */
function parseAddress(text: string, use: AddressUse): Parsed<Ip> {
  const quad = QUAD.exec(text);
  if (quad !== null) return readIpv4(text, quad, use);
  if (text.includes(':') && /^[0-9a-fA-F:.]+$/.test(text)) return readIpv6(text, use);
  return notAnAddress(text, use);
}

export const parseVip = (text: string): Parsed<Ip> => parseAddress(text, 'vip');
export const parseHostAddress = (text: string): Parsed<Ip> => parseAddress(text, 'host');

const QUAD = /^(\d{1,10})\.(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/;
const ADDRESS = 'an IPv4 or IPv6 address';
const NAMES = { vip: 'VIP', host: 'host address' } as const;

function readIpv4(text: string, quad: RegExpExecArray, use: AddressUse): Parsed<Ip> {
  const parts: number[] = [];
  for (const part of quad.slice(1)) {
    // inet_aton(3) reads 010 as octal 8, others as 10: nobody can tell which of the two was meant.
    if (part.length > 1 && part.startsWith('0')) {
      const plain = quad
        .slice(1)
        .map((p) => p.replace(/^0+(?=\d)/, ''))
        .join('.');
      const hint = `write ${plain} if that is meant`;
      return problem(
        text,
        `${part} has a leading zero, which some programs read as octal`,
        'plain decimal parts',
        hint,
      );
    }
    const value = Number(part);
    if (value > 255) {
      return problem(
        text,
        `${part} is too large for a part of an IPv4 address`,
        'parts of 0 to 255',
        'correct that part',
      );
    }
    parts.push(value);
  }
  return refuseIpv4(text, parts, use) ?? ok(text as Ipv4);
}

/** RFC 6890 and the kernel's inet_addr_type(): what no neighbour can send to, or only this host can. */
function refuseIpv4(text: string, [a = 0, b = 0, c = 0, d = 0]: readonly number[], use: AddressUse): Problem | null {
  const refuse = refusal(text, use);
  if (a + b + c + d === 0) return refuse('0.0.0.0 is the unspecified address, it names no host');
  if (a === 0) return refuse('0.0.0.0/8 is "this network" (RFC 791), it names no host');
  if (a === 127) return refuse('127.0.0.0/8 is loopback, which every host has');
  if (a === 169 && b === 254 && use === 'vip') return refuse('169.254.0.0/16 is link-local, routers do not forward it');
  if (a >= 224 && a <= 239) return refuse('224.0.0.0/4 is multicast, it names a group of hosts');
  if (a + b + c + d === 1020) return refuse('255.255.255.255 is the broadcast address, it names no host');
  if (a >= 240) return refuse('240.0.0.0/4 is reserved (RFC 1112), the network does not carry it');
  return null;
}

/**
 * Already the kernel's text form: lower case, no zero group written, so that `::` stands for all of them. At most six
 * groups beside `::`, because RFC 5952 forbids it for a single zero group. Such texts need no library (1 000 of them: 12 ms).
 */
const CANONICAL_IPV6 =
  /^(?=(?:[0-9a-f]+:{1,2}){1,5}[0-9a-f]+$)[1-9a-f][0-9a-f]{0,3}(?::[1-9a-f][0-9a-f]{0,3})*::[1-9a-f][0-9a-f]{0,3}(?::[1-9a-f][0-9a-f]{0,3})*$/;

const NAT64 = 0x64;

function readIpv6(text: string, use: AddressUse): Parsed<Ip> {
  const firstGroup = Number.parseInt(text, 16);
  if (firstGroup !== NAT64 && CANONICAL_IPV6.test(text)) return refuseIpv6(text, firstGroup, use) ?? ok(text as Ipv6);
  // The library also takes embedded dotted quads with octal parts and overlong groups: all refused here first.
  const embedded = /^([0-9a-f:]*:)(\d[\d.]*)$/i.exec(text);
  if (embedded !== null && text.includes('.')) return embeddedIpv4(text, embedded[2] ?? '', use);
  if (text.includes('.') || text.length > 39 || /[0-9a-fA-F]{5}/.test(text) || !ipaddr.IPv6.isValid(text))
    return notIpv6(text, use);
  const address = ipaddr.IPv6.parse(text);
  const { parts } = address;
  return (
    embeddedParts(text, parts, use) ?? refuseIpv6(text, parts[0] ?? 0, use) ?? ok(address.toRFC5952String() as Ipv6)
  );
}

function refuseIpv6(text: string, firstGroup: number, use: AddressUse): Problem | null {
  const refuse = refusal(text, use);
  if (firstGroup >= 0xff00) return refuse('ff00::/8 is multicast, it names a group of hosts');
  if ((firstGroup & 0xffc0) === 0xfe80) return refuse('fe80::/10 is link-local, routers do not forward it');
  if ((firstGroup & 0xffc0) === 0xfec0) return refuse('fec0::/10 is site-local, withdrawn by RFC 3879');
  if (firstGroup === 0x2002) return refuse('2002::/16 holds an IPv4 address (6to4, withdrawn by RFC 7526)');
  return null;
}

/** Forms that carry an IPv4 address in the last 32 bits, and the two addresses of that shape with names of their own. */
function embeddedParts(text: string, parts: readonly number[], use: AddressUse): Problem | null {
  const refuse = refusal(text, use);
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0, g6 = 0, g7 = 0] = parts;
  const quad = `${g6 >> 8}.${g6 & 255}.${g7 >> 8}.${g7 & 255}`;
  if (g0 === NAT64 && g1 === 0xff9b && g2 + g3 + g4 + g5 === 0) {
    return refuse(
      '64:ff9b::/96 stands for an IPv4 address behind NAT64 (RFC 6052)',
      `write ${quad} for the IPv4 address itself`,
    );
  }
  if (g0 + g1 + g2 + g3 !== 0) return null;
  if (g4 + g5 + g6 === 0 && g7 === 0) return refuse(':: is the unspecified address, it names no host');
  if (g4 + g5 + g6 === 0 && g7 === 1) return refuse('::1 is loopback, which every host has');
  if (g4 === 0 && g5 === 0xffff) {
    return refuse('::ffff:0:0/96 is an IPv4 address written as IPv6 (mapped)', `write ${quad}`);
  }
  if (g4 === 0xffff && g5 === 0) return refuse('::ffff:0:0:0/96 is an IPv4 address (translated)', `write ${quad}`);
  if (g4 === 0 && g5 === 0) {
    return refuse('::/96 is an IPv4 address written as IPv6 (compatible, withdrawn by RFC 4291)', `write ${quad}`);
  }
  return refuse('::/64 is reserved (RFC 4291), it names no host');
}

function embeddedIpv4(text: string, quad: string, use: AddressUse): Problem {
  const hint = `write ${quad} for the IPv4 address, or only hexadecimal groups for the IPv6 one`;
  return problem(
    text,
    'an IPv4 address inside an IPv6 address is not accepted',
    `${ADDRESS} for a ${NAMES[use]}`,
    hint,
  );
}

const refusal =
  (text: string, use: AddressUse) =>
  (why: string, hint?: string): Problem =>
    use === 'vip'
      ? problem(text, `cannot be a VIP: ${why}`, 'a unicast address that routers carry', hint ?? VIP_HINT)
      : problem(text, `cannot be a host's address here: ${why}`, 'a unicast address of the host', hint ?? HOST_HINT);

const VIP_HINT = 'write the address the director publishes';
const HOST_HINT = 'write the address the host has on the network of the real servers';

function notIpv6(text: string, use: AddressUse): Problem {
  const port = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text);
  if (port !== null) return withPort(text, port[1] ?? '', port[2] ?? '', use);
  const expected = 'eight groups of up to four hexadecimal digits, or fewer with one "::"';
  return problem(text, 'not an IPv6 address', expected, 'correct the address');
}

function withPort(text: string, address: string, port: string, use: AddressUse): Problem {
  const inner = parseAddress(address, use);
  if (inner.kind === 'problem') return { ...inner, received: quote(text) };
  const hint =
    use === 'vip' ? `write "address: ${address}" with "services: [tcp/${port}]" (or udp)` : `write ${address} alone`;
  return problem(text, 'an address is written without a port', address, hint);
}

/** Everything that is not even made of the characters of an address: say which of the usual slips it is. */
function notAnAddress(text: string, use: AddressUse): Problem {
  const say = (message: string, hint: string, expected = `${ADDRESS} for a ${NAMES[use]}`) =>
    problem(text, message, expected, hint);
  if (text === '') return say('the address is empty', use === 'vip' ? 'write it, or delete this entry' : 'write it');
  if (text.trim().length > 80) return say('not an IP address', 'write one address, such as 192.0.2.10 or 2001:db8::10');
  if (/[^\x20-\x7e]/.test(text.trim()))
    return say('a character that cannot be in an address', 'type the address again, by hand');
  if (text !== text.trim()) return say('white space around the address', `write ${text.trim()} without it`);
  const slash = text.indexOf('/');
  if (slash > 0) {
    const why = use === 'vip' ? 'a VIP always goes in as a single host' : 'this names a single host';
    return withTail(text, slash, 'prefix length', `: ${why}`, use);
  }
  const zone = text.indexOf('%');
  if (zone > 0) return withTail(text, zone, 'zone', '', use);
  const bracket = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  if (bracket !== null) {
    const [, address = '', port] = bracket;
    return port === undefined
      ? say('brackets around the address', `write ${address}`)
      : withPort(text, address, port, use);
  }
  if (/^0x[0-9a-f]+$/i.test(text) || /(^|\.)0x/i.test(text)) return say('not in decimal', 'write four decimal parts');
  if (/^[\d.]+$/.test(text)) {
    const count = text.split('.').filter((part) => part !== '').length;
    return say(`an IPv4 address has four parts, this has ${count}`, 'write all four', 'four decimal parts of 0 to 255');
  }
  if (/^[a-z]+:\S/i.test(text)) return say('not an IP address', 'is a space missing after the colon?');
  if (/^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(text)) {
    return say('not an IP address', 'write the address itself: names are not looked up');
  }
  return say('not an IP address', 'write one address, such as 192.0.2.10 or 2001:db8::10');
}

/** An address with something after it: if the address is refused as well, that is what has to be said. */
function withTail(text: string, at: number, what: string, why: string, use: AddressUse): Problem {
  const address = text.slice(0, at);
  const inner = parseAddress(address, use);
  if (inner.kind === 'problem') return { ...inner, received: quote(text) };
  return problem(text, `an address is written without a ${what}`, address, `drop "${text.slice(at)}"${why}`);
}
