import { type Refusal, withOneVip } from './refusal.ts';

/** The document. */
export const refusals: readonly Refusal[] = [
  {
    name: 'a list at the top',
    text: '- 192.0.2.10\n',
    errors: [
      '1:1: not a mapping: expected a mapping that begins with "version: 1", received a list; write "key: value" pairs',
    ],
  },
  {
    name: 'a text at the top',
    text: 'hello\n',
    errors: [
      '1:1: not a mapping: expected a mapping that begins with "version: 1", received hello; write "key: value" pairs',
    ],
  },
  {
    name: 'nothing required',
    text: 'persist: true\n',
    errors: [
      '1:1: the key version is missing: expected a mapping that begins with "version: 1", received a mapping without it; add version: 1',
      '1:1: the key vips is missing: expected a mapping that begins with "version: 1", received a mapping without it; add vips: [192.0.2.10]',
    ],
  },
  {
    name: 'version 2',
    text: 'version: 2\nvips: [192.0.2.10]\n',
    errors: [
      '1:10: version: not a version of this format that this rsprep reads: expected 1, received 2; this file needs a newer rsprep, or is no configuration of rsprep',
    ],
  },
  {
    name: 'version in quotes',
    text: 'version: "1"\nvips: [192.0.2.10]\n',
    errors: [
      '1:10: version: not a version of this format that this rsprep reads: expected 1, received "1"; write 1 without quotes',
    ],
  },
  {
    name: 'version 1.0',
    text: 'version: 1.0\nvips: [192.0.2.10]\n',
    errors: [
      '1:10: version: not a version of this format that this rsprep reads: expected 1, received 1.0; write "version: 1"',
    ],
  },
  {
    name: 'an unknown key',
    text: withOneVip('vip: 192.0.2.10\n'),
    errors: [
      '3:1: vip: unknown key: expected one of version, vips, rip, directors, role, persist, responder, report, ignore, farm, received "vip"; did you mean vips?',
    ],
  },
  {
    name: 'an unknown key like no other',
    text: withOneVip('sysctl: {}\n'),
    errors: [
      '3:1: sysctl: unknown key: expected one of version, vips, rip, directors, role, persist, responder, report, ignore, farm, received "sysctl"; delete it',
    ],
  },
  {
    name: 'a key in another case',
    text: withOneVip('Persist: true\n'),
    errors: [
      '3:1: Persist: unknown key: expected one of version, vips, rip, directors, role, persist, responder, report, ignore, farm, received "Persist"; did you mean persist?',
    ],
  },
  {
    name: 'unknown keys at every level',
    text: 'version: 1\nvips: [{address: 192.0.2.10, dev: lo, service: []}]\nresponder: {on_drift: silent}\nfarms: []\n',
    errors: [
      '2:30: vips[0].dev: unknown key: expected one of address, device, services, received "dev"; delete it',
      '2:39: vips[0].service: unknown key: expected one of address, device, services, received "service"; did you mean services?',
      '3:13: responder.on_drift: unknown key: expected one of port, interval, lease, onDrift, unknownGrace, stopGrace, received "on_drift"; did you mean onDrift?',
      '4:1: farms: unknown key: expected one of version, vips, rip, directors, role, persist, responder, report, ignore, farm, received "farms"; did you mean farm?',
    ],
  },
  {
    name: 'a value left out',
    text: withOneVip('rip:\nrole:\n'),
    errors: [
      '3:1: rip: nothing is written here: expected an IPv4 or IPv6 address for a host, received nothing; write all parts of one address, such as 10.0.0.2 or 2001:db8::2',
      '4:1: role: nothing is written here: expected one of real-server, localnode, received nothing; write one of them',
    ],
  },
  {
    name: 'an empty list of VIPs',
    text: 'version: 1\nvips: []\n',
    errors: [
      '2:7: vips: no VIP at all: expected at least one VIP, received an empty list; add one, or use --allow-empty if this host is to have none',
    ],
  },
  {
    name: 'no list of VIPs',
    text: 'version: 1\nvips: 192.0.2.10\n',
    errors: [
      '2:7: vips: not a list: expected a list of addresses or mappings, received 192.0.2.10; write a list, one "- \u2026" a line, or [] for none',
    ],
  },
  {
    name: 'VIPs left out',
    text: 'version: 1\nvips:\n',
    errors: [
      '2:1: vips: not a list: expected a list of addresses or mappings, received nothing; write a list, one "- \u2026" a line, or [] for none',
    ],
  },
  {
    name: 'persist: yes',
    text: withOneVip('persist: yes\n'),
    errors: [
      '3:10: persist: neither true nor false: expected true or false, received yes; write true without quotes: YAML 1.2 knows only true and false',
    ],
  },
  {
    name: 'persist in quotes',
    text: withOneVip('persist: "false"\n'),
    errors: [
      '3:10: persist: neither true nor false: expected true or false, received "false"; write false without quotes: YAML 1.2 knows only true and false',
    ],
  },
  {
    name: 'persist as a number',
    text: withOneVip('persist: 1\n'),
    errors: ['3:10: persist: neither true nor false: expected true or false, received 1; write true or false'],
  },
  {
    name: 'a role with a slip',
    text: withOneVip('role: local-node\n'),
    errors: [
      '3:7: role: not one of the possible values: expected one of real-server, localnode, received local-node; did you mean localnode?',
    ],
  },
  {
    name: 'a role from elsewhere',
    text: withOneVip('role: director\n'),
    errors: [
      '3:7: role: not one of the possible values: expected one of real-server, localnode, received director; write one of them',
    ],
  },
];
