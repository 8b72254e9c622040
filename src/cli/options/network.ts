import { parseHostAddress } from '../../config/address.ts';
import { type InterfaceName, type Ip, parseInterfaceName } from '../../core/model/names.ts';
import { type Mac, parseMac } from '../../probe/mac.ts';
import { ok, parsed, type Value } from './value.ts';

/** As the configuration reads it, with what that says of the usual slips. */
const address = (name: string): Value<Ip> => ({
  name,
  read: (word) => {
    const read = parseHostAddress(word);
    return read.kind === 'ok'
      ? ok(read.value)
      : { kind: 'refused', expected: read.expected, why: read.message, hint: read.hint };
  },
});

export const hostAddress: Value<Ip> = address('address');

export const mac: Value<Mac> = parsed('mac', 'the MAC address of one host, such as 52:54:00:12:34:56', parseMac);

export const addressAndMac: Value<{ readonly address: Ip; readonly mac: string }> = parsed(
  'address=mac',
  'an address and a MAC such as 10.0.0.2=02:00:00:00:00:02',
  (word) => {
    const [left = '', right = '', ...more] = word.split('=');
    const host = parseHostAddress(left);
    const isMac = more.length === 0 && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(right);
    return host.kind === 'ok' && isMac ? { address: host.value, mac: right } : null;
  },
);

/** `192.0.2.77/24`. */
export const prefixedAddress: Value<{ readonly ip: Ip; readonly prefixLength: number }> = parsed(
  'address/length',
  'an address of the network with its prefix length, such as 192.0.2.250/24',
  (word) => {
    const [, ip = '', digits = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(word) ?? [];
    const read = parseHostAddress(ip);
    if (read.kind !== 'ok' || Number(digits) < 1 || Number(digits) > (read.value.includes(':') ? 128 : 32)) return null;
    return { ip: read.value, prefixLength: Number(digits) };
  },
);

export const device: Value<InterfaceName> = parsed(
  'name',
  'the name of a network device: 1 to 15 characters without slash, colon or white space',
  parseInterfaceName,
);

export const hex: Value<string> = parsed('hex', 'hexadecimal digits, two for every byte', (word) =>
  /^([0-9a-f]{2})*$/i.test(word) ? word.toLowerCase() : null,
);
