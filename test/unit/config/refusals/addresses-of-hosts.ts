import { type Refusal, withOneVip } from './refusal.ts';

/** Addresses of hosts. */
export const refusals: readonly Refusal[] = [
  {
    name: 'a RIP that is a VIP',
    text: withOneVip('rip: 192.0.2.10\n'),
    errors: [
      "3:6: rip: this address is also a VIP (the other is at line 2, column 8): expected the real server's own address, received 192.0.2.10; a VIP belongs to the whole farm and cannot be the address of one host: correct one of the two",
    ],
  },
  {
    name: 'a director that is a VIP',
    text: withOneVip('directors: [10.0.0.2, 192.0.2.10]\n'),
    errors: [
      "3:23: directors[1]: this address is also a VIP (the other is at line 2, column 8): expected the director's own address, received 192.0.2.10; a VIP belongs to the whole farm and cannot be the address of one host: correct one of the two",
    ],
  },
  {
    name: 'a director twice',
    text: withOneVip('directors: [10.0.0.2, 10.0.0.2]\n'),
    errors: [
      '3:23: directors[1]: the same director twice (the other is at line 3, column 13): expected each director once, received 10.0.0.2; delete one of them',
    ],
  },
  {
    name: 'a director that is the RIP',
    text: withOneVip('rip: 10.0.0.11\ndirectors: [10.0.0.11]\n'),
    errors: [
      '4:13: directors[0]: this host would be its own director (the other is at line 3, column 6): expected the director\'s own address, received 10.0.0.11; correct it, or write "role: localnode" if this host is a director too',
    ],
  },
  {
    name: 'a director with a prefix length',
    text: withOneVip('directors: [10.0.0.0/24]\n'),
    errors: [
      '3:13: directors[0]: an address is written without a prefix length: expected 10.0.0.0, received 10.0.0.0/24; drop "/24": this names a single host',
    ],
  },
  {
    name: 'a loopback director',
    text: withOneVip('directors: [127.0.0.1]\n'),
    errors: [
      "3:13: directors[0]: cannot be a host's address here: 127.0.0.0/8 is loopback, which every host has: expected a unicast address of the host, received 127.0.0.1; write the address the host has on the network of the real servers",
    ],
  },
  {
    name: 'directors without a list',
    text: withOneVip('directors: 10.0.0.2\n'),
    errors: [
      '3:12: directors: not a list: expected a list of addresses, received 10.0.0.2; write a list, one "- \u2026" a line, or [] for none',
    ],
  },
  {
    name: 'a RIP with a zone',
    text: withOneVip('rip: fe80::1%eth0\n'),
    errors: [
      "3:6: rip: cannot be a host's address here: fe80::/10 is link-local, routers do not forward it: expected a unicast address of the host, received fe80::1%eth0; write the address the host has on the network of the real servers",
    ],
  },
  {
    name: 'a RIP that is a list',
    text: withOneVip('rip: [10.0.0.11]\n'),
    errors: [
      '3:6: rip: not a text: expected an IPv4 or IPv6 address for a host, received a list; write all parts of one address, such as 10.0.0.2 or 2001:db8::2',
    ],
  },
  {
    name: 'a real server that is a VIP',
    text: withOneVip('farm: {realServers: [{rip: 192.0.2.10}]}\n'),
    errors: [
      "3:28: farm.realServers[0].rip: this address is also a VIP (the other is at line 2, column 8): expected the real server's own address, received 192.0.2.10; a VIP belongs to the whole farm and cannot be the address of one host: correct one of the two",
    ],
  },
  {
    name: 'a real server twice',
    text: withOneVip('farm: {realServers: [{rip: 10.0.0.11}, {rip: 10.0.0.11, weight: 2}]}\n'),
    errors: [
      '3:46: farm.realServers[1].rip: the same real server twice (the other is at line 3, column 28): expected each real server once, received 10.0.0.11; delete one of them',
    ],
  },
  {
    name: 'a real server without its RIP',
    text: withOneVip('farm: {realServers: [{weight: 1}]}\n'),
    errors: [
      '3:22: farm.realServers[0]: the key rip is missing: expected a mapping of rip and weight, received a mapping without it; add rip: 10.0.0.11',
    ],
  },
  {
    name: 'a bare real server',
    text: withOneVip('farm: {realServers: [10.0.0.11]}\n'),
    errors: [
      '3:22: farm.realServers[0]: not a mapping: expected a mapping of rip and weight, received 10.0.0.11; write "key: value" pairs',
    ],
  },
  {
    name: 'a farm without real servers',
    text: withOneVip('farm: {scheduler: rr}\n'),
    errors: [
      '3:7: farm: the key realServers is missing: expected a mapping of scheduler and realServers, received a mapping without it; add realServers: [{rip: 10.0.0.11}]',
    ],
  },
  {
    name: 'a scheduler with a slip',
    text: withOneVip('farm: {scheduler: wlcc, realServers: [{rip: 10.0.0.11}]}\n'),
    errors: [
      '3:19: farm.scheduler: not one of the possible values: expected one of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, received wlcc; did you mean wlc?',
    ],
  },
  {
    name: 'a negative weight',
    text: withOneVip('farm: {realServers: [{rip: 10.0.0.11, weight: -1}]}\n'),
    errors: [
      '3:47: farm.realServers[0].weight: out of range: expected a whole number of 0 to 65535, received -1; correct the number',
    ],
  },
  {
    name: 'a weight in hexadecimal',
    text: withOneVip('farm: {realServers: [{rip: 10.0.0.11, weight: 0x10}]}\n'),
    errors: [
      '3:47: farm.realServers[0].weight: not a whole number in plain decimal: expected a whole number of 0 to 65535, received 0x10; write the digits alone',
    ],
  },
];
