import { type Refusal, vipItem } from './refusal.ts';

/** Services. */
export const refusals: readonly Refusal[] = [
  {
    name: 'a bare port',
    text: vipItem('{address: 192.0.2.10, services: [443]}'),
    errors: [
      '3:38: vips[0].services[0]: YAML reads this as a number: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received 443; write tcp/443 or udp/443',
    ],
  },
  {
    name: 'a bare port in quotes',
    text: vipItem('{address: 192.0.2.10, services: ["443"]}'),
    errors: [
      '3:38: vips[0].services[0]: a port without its protocol: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received "443"; write tcp/443 or udp/443',
    ],
  },
  {
    name: 'the other way round',
    text: vipItem('{address: 192.0.2.10, services: [443/tcp]}'),
    errors: [
      '3:38: vips[0].services[0]: the protocol comes first: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received 443/tcp; write tcp/443',
    ],
  },
  {
    name: 'a colon',
    text: vipItem('{address: 192.0.2.10, services: ["tcp:443"]}'),
    errors: [
      '3:38: vips[0].services[0]: not written as a service: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received "tcp:443"; write tcp/443',
    ],
  },
  {
    name: 'capital letters',
    text: vipItem('{address: 192.0.2.10, services: [TCP/443]}'),
    errors: [
      '3:38: vips[0].services[0]: not written as a service: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received TCP/443; write tcp/443',
    ],
  },
  {
    name: 'a leading zero',
    text: vipItem('{address: 192.0.2.10, services: [tcp/0443]}'),
    errors: [
      '3:38: vips[0].services[0]: not written as a service: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received tcp/0443; write tcp/443',
    ],
  },
  {
    name: 'port 0',
    text: vipItem('{address: 192.0.2.10, services: [tcp/0]}'),
    errors: [
      '3:38: vips[0].services[0]: port 0 cannot be offered: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received tcp/0; write the port the director offers',
    ],
  },
  {
    name: 'port 65536',
    text: vipItem('{address: 192.0.2.10, services: [tcp/65536]}'),
    errors: [
      '3:38: vips[0].services[0]: there is no port 65536: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received tcp/65536; correct the port',
    ],
  },
  {
    name: 'a name',
    text: vipItem('{address: 192.0.2.10, services: [https]}'),
    errors: [
      '3:38: vips[0].services[0]: not a service: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received https; write the protocol, a slash and the port, such as tcp/443',
    ],
  },
  {
    name: 'a named port',
    text: vipItem('{address: 192.0.2.10, services: [tcp/https]}'),
    errors: [
      '3:38: vips[0].services[0]: the port is not a number: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received tcp/https; write the number: service names are not looked up',
    ],
  },
  {
    name: 'sctp',
    text: vipItem('{address: 192.0.2.10, services: [sctp/38412]}'),
    errors: [
      '3:38: vips[0].services[0]: not a protocol that rsprep checks: expected tcp/PORT or udp/PORT, with a port of 1 to 65535, received sctp/38412; use tcp or udp (QUIC is udp)',
    ],
  },
  {
    name: 'one that is no list',
    text: vipItem('{address: 192.0.2.10, services: tcp/443}'),
    errors: [
      '3:37: vips[0].services: not a list: expected a list of services such as tcp/443, received tcp/443; write a list, one "- \u2026" a line, or [] for none',
    ],
  },
  {
    name: 'twice',
    text: vipItem('{address: 192.0.2.10, services: [udp/53, {port: udp/53}]}'),
    errors: [
      '3:53: vips[0].services[1].port: the same service twice (the other is at line 3, column 38): expected each service once, received udp/53; delete one of them',
    ],
  },
  {
    name: 'a mapping without port',
    text: vipItem('{address: 192.0.2.10, services: [{probe: {send: "00", expect: "00"}}]}'),
    errors: [
      '3:38: vips[0].services[0]: the key port is missing: expected a service such as tcp/443, or a mapping of port and probe, received a mapping without it; add port: udp/53',
    ],
  },
  {
    name: 'a probe without expect',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: "00"}}]}'),
    errors: [
      '3:60: vips[0].services[0].probe: the key expect is missing: expected a mapping of send and expect, received a mapping without it; add expect: "1a2b"',
    ],
  },
  {
    name: 'half a byte',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: "abc", expect: "00"}}]}'),
    errors: [
      '3:67: vips[0].services[0].probe.send: an odd number of hexadecimal digits (3): expected 0 to 255 bytes as hexadecimal digits, two each, received "abc"; write two digits for every byte',
    ],
  },
  {
    name: 'no hexadecimal digit',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: hello, expect: "00"}}]}'),
    errors: [
      '3:67: vips[0].services[0].probe.send: character 1 is not a hexadecimal digit: expected 0 to 255 bytes as hexadecimal digits, two each, received hello; use 0-9 and a-f, such as 1a2b',
    ],
  },
  {
    name: '0x',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: "0x1a", expect: "00"}}]}'),
    errors: [
      '3:67: vips[0].services[0].probe.send: a prefix before the hexadecimal digits: expected 0 to 255 bytes as hexadecimal digits, two each, received "0x1a"; drop "0x"',
    ],
  },
  {
    name: 'spaces',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: 1a 2b, expect: "00"}}]}'),
    errors: [
      '3:67: vips[0].services[0].probe.send: separators between the hexadecimal digits: expected 0 to 255 bytes as hexadecimal digits, two each, received "1a 2b"; write the digits in one run',
    ],
  },
  {
    name: 'digits that YAML reads as a number',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: 12e4, expect: 1234}}]}'),
    errors: [
      '3:67: vips[0].services[0].probe.send: YAML reads this as a number: expected hexadecimal digits, two for every byte, received 12e4; put the digits in quotes, so that YAML does not read them as a number',
      '3:81: vips[0].services[0].probe.expect: YAML reads this as a number: expected hexadecimal digits, two for every byte, received 1234; put the digits in quotes, so that YAML does not read them as a number',
    ],
  },
  {
    name: 'no expected bytes',
    text: vipItem('{address: 192.0.2.10, services: [{port: udp/53, probe: {send: "", expect: ""}}]}'),
    errors: [
      '3:79: vips[0].services[0].probe.expect: no bytes at all: expected 1 to 255 bytes as hexadecimal digits, two each, received ""; write what the service answers',
    ],
  },
  {
    name: '256 bytes',
    text: vipItem(
      `{address: 192.0.2.10, services: [{port: udp/53, probe: {send: "${'ab'.repeat(256)}", expect: "00"}}]}`,
    ),
    errors: [
      '3:67: vips[0].services[0].probe.send: 256 bytes are too many: expected 0 to 255 bytes as hexadecimal digits, two each, received "abababababababababababababababababababababababababababababababababababababababab\u2026"; shorten it',
    ],
  },
];
