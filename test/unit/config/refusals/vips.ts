import { type Refusal, vipItem } from './refusal.ts';

/** VIPs. */
export const refusals: readonly Refusal[] = [
  {
    name: 'a prefix length',
    text: vipItem('192.0.2.10/32'),
    errors: [
      '3:5: vips[0]: an address is written without a prefix length: expected 192.0.2.10, received 192.0.2.10/32; drop "/32": a VIP always goes in as a single host',
    ],
  },
  {
    name: 'a prefix length, IPv6',
    text: vipItem('2001:db8::10/128'),
    errors: [
      '3:5: vips[0]: an address is written without a prefix length: expected 2001:db8::10, received 2001:db8::10/128; drop "/128": a VIP always goes in as a single host',
    ],
  },
  {
    name: 'a zone',
    text: vipItem('fe80::1%eth0'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: fe80::/10 is link-local, routers do not forward it: expected a unicast address that routers carry, received fe80::1%eth0; write the address the director publishes',
    ],
  },
  {
    name: 'an octal-looking part',
    text: vipItem('192.0.2.010'),
    errors: [
      '3:5: vips[0]: 010 has a leading zero, which some programs read as octal: expected plain decimal parts, received 192.0.2.010; write 192.0.2.10 if that is meant',
    ],
  },
  {
    name: 'a part above 255',
    text: vipItem('192.0.2.300'),
    errors: [
      '3:5: vips[0]: 300 is too large for a part of an IPv4 address: expected parts of 0 to 255, received 192.0.2.300; correct that part',
    ],
  },
  {
    name: 'three parts',
    text: vipItem('192.0.2'),
    errors: [
      '3:5: vips[0]: an IPv4 address has four parts, this has 3: expected four decimal parts of 0 to 255, received 192.0.2; write all four',
    ],
  },
  {
    name: 'two parts, a float to YAML',
    text: vipItem('192.0'),
    errors: [
      '3:5: vips[0]: YAML reads this as a number: expected an IPv4 or IPv6 address for a VIP, received 192.0; write all parts of one address, such as 192.0.2.10 or 2001:db8::10',
    ],
  },
  {
    name: 'one number',
    text: vipItem('3221225994'),
    errors: [
      '3:5: vips[0]: YAML reads this as a number: expected an IPv4 or IPv6 address for a VIP, received 3221225994; write all parts of one address, such as 192.0.2.10 or 2001:db8::10',
    ],
  },
  {
    name: 'hexadecimal',
    text: vipItem('0xC000020A'),
    errors: [
      '3:5: vips[0]: YAML reads this as a number: expected an IPv4 or IPv6 address for a VIP, received 0xC000020A; write all parts of one address, such as 192.0.2.10 or 2001:db8::10',
    ],
  },
  {
    name: 'five parts',
    text: vipItem('192.0.2.10.1'),
    errors: [
      '3:5: vips[0]: an IPv4 address has four parts, this has 5: expected four decimal parts of 0 to 255, received 192.0.2.10.1; write all four',
    ],
  },
  {
    name: 'a name',
    text: vipItem('www.example.com'),
    errors: [
      '3:5: vips[0]: not an IP address: expected an IPv4 or IPv6 address for a VIP, received www.example.com; write the address itself: names are not looked up',
    ],
  },
  {
    name: 'a port',
    text: vipItem('192.0.2.10:443'),
    errors: [
      '3:5: vips[0]: an address is written without a port: expected 192.0.2.10, received 192.0.2.10:443; write "address: 192.0.2.10" with "services: [tcp/443]" (or udp)',
    ],
  },
  {
    name: 'brackets',
    text: vipItem('"[2001:db8::10]"'),
    errors: [
      '3:5: vips[0]: brackets around the address: expected an IPv4 or IPv6 address for a VIP, received "[2001:db8::10]"; write 2001:db8::10',
    ],
  },
  {
    name: 'brackets and a port',
    text: vipItem('"[2001:db8::10]:443"'),
    errors: [
      '3:5: vips[0]: an address is written without a port: expected 2001:db8::10, received "[2001:db8::10]:443"; write "address: 2001:db8::10" with "services: [tcp/443]" (or udp)',
    ],
  },
  {
    name: 'a no-break space',
    text: vipItem('"192.0.2.10\u00a0"'),
    errors: [
      '3:5: vips[0]: white space around the address: expected an IPv4 or IPv6 address for a VIP, received "192.0.2.10\\u00a0"; write 192.0.2.10 without it',
    ],
  },
  {
    name: 'a space',
    text: vipItem('" 192.0.2.10"'),
    errors: [
      '3:5: vips[0]: white space around the address: expected an IPv4 or IPv6 address for a VIP, received " 192.0.2.10"; write 192.0.2.10 without it',
    ],
  },
  {
    name: 'an empty text',
    text: vipItem('""'),
    errors: [
      '3:5: vips[0]: the address is empty: expected an IPv4 or IPv6 address for a VIP, received ""; write it, or delete this entry',
    ],
  },
  {
    name: 'nothing',
    text: vipItem(''),
    errors: [
      '3:5: vips[0]: nothing is written here: expected an IPv4 or IPv6 address for a VIP, received nothing; write all parts of one address, such as 192.0.2.10 or 2001:db8::10',
    ],
  },
  {
    name: 'a list',
    text: vipItem('[192.0.2.10]'),
    errors: [
      '3:5: vips[0]: not a mapping: expected an address, or a mapping of address, device and services, received a list; write "key: value" pairs',
    ],
  },
  {
    name: 'true',
    text: vipItem('true'),
    errors: [
      '3:5: vips[0]: YAML reads this as true or false: expected an IPv4 or IPv6 address for a VIP, received true; write all parts of one address, such as 192.0.2.10 or 2001:db8::10',
    ],
  },
  {
    name: 'the unspecified address',
    text: vipItem('0.0.0.0'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 0.0.0.0 is the unspecified address, it names no host: expected a unicast address that routers carry, received 0.0.0.0; write the address the director publishes',
    ],
  },
  {
    name: 'this network',
    text: vipItem('0.1.2.3'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 0.0.0.0/8 is "this network" (RFC 791), it names no host: expected a unicast address that routers carry, received 0.1.2.3; write the address the director publishes',
    ],
  },
  {
    name: 'loopback',
    text: vipItem('127.0.0.1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 127.0.0.0/8 is loopback, which every host has: expected a unicast address that routers carry, received 127.0.0.1; write the address the director publishes',
    ],
  },
  {
    name: 'link-local',
    text: vipItem('169.254.1.1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 169.254.0.0/16 is link-local, routers do not forward it: expected a unicast address that routers carry, received 169.254.1.1; write the address the director publishes',
    ],
  },
  {
    name: 'multicast',
    text: vipItem('224.0.0.18'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 224.0.0.0/4 is multicast, it names a group of hosts: expected a unicast address that routers carry, received 224.0.0.18; write the address the director publishes',
    ],
  },
  {
    name: 'reserved',
    text: vipItem('240.0.0.1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 240.0.0.0/4 is reserved (RFC 1112), the network does not carry it: expected a unicast address that routers carry, received 240.0.0.1; write the address the director publishes',
    ],
  },
  {
    name: 'broadcast',
    text: vipItem('255.255.255.255'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 255.255.255.255 is the broadcast address, it names no host: expected a unicast address that routers carry, received 255.255.255.255; write the address the director publishes',
    ],
  },
  {
    name: 'unspecified, IPv6',
    text: vipItem('"::"'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: :: is the unspecified address, it names no host: expected a unicast address that routers carry, received "::"; write the address the director publishes',
    ],
  },
  {
    name: 'loopback, IPv6',
    text: vipItem('::1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: ::1 is loopback, which every host has: expected a unicast address that routers carry, received ::1; write the address the director publishes',
    ],
  },
  {
    name: 'link-local, IPv6',
    text: vipItem('fe80::1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: fe80::/10 is link-local, routers do not forward it: expected a unicast address that routers carry, received fe80::1; write the address the director publishes',
    ],
  },
  {
    name: 'site-local',
    text: vipItem('fec0::1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: fec0::/10 is site-local, withdrawn by RFC 3879: expected a unicast address that routers carry, received fec0::1; write the address the director publishes',
    ],
  },
  {
    name: 'multicast, IPv6',
    text: vipItem('ff02::1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: ff00::/8 is multicast, it names a group of hosts: expected a unicast address that routers carry, received ff02::1; write the address the director publishes',
    ],
  },
  {
    name: 'mapped',
    text: vipItem('::ffff:192.0.2.10'),
    errors: [
      '3:5: vips[0]: an IPv4 address inside an IPv6 address is not accepted: expected an IPv4 or IPv6 address for a VIP, received ::ffff:192.0.2.10; write 192.0.2.10 for the IPv4 address, or only hexadecimal groups for the IPv6 one',
    ],
  },
  {
    name: 'mapped, in hexadecimal',
    text: vipItem('::ffff:c000:20a'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: ::ffff:0:0/96 is an IPv4 address written as IPv6 (mapped): expected a unicast address that routers carry, received ::ffff:c000:20a; write 192.0.2.10',
    ],
  },
  {
    name: 'compatible',
    text: vipItem('::c000:20a'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: ::/96 is an IPv4 address written as IPv6 (compatible, withdrawn by RFC 4291): expected a unicast address that routers carry, received ::c000:20a; write 192.0.2.10',
    ],
  },
  {
    name: 'NAT64',
    text: vipItem('64:ff9b::c000:20a'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 64:ff9b::/96 stands for an IPv4 address behind NAT64 (RFC 6052): expected a unicast address that routers carry, received 64:ff9b::c000:20a; write 192.0.2.10 for the IPv4 address itself',
    ],
  },
  {
    name: '6to4',
    text: vipItem('2002:c000:20a::1'),
    errors: [
      '3:5: vips[0]: cannot be a VIP: 2002::/16 holds an IPv4 address (6to4, withdrawn by RFC 7526): expected a unicast address that routers carry, received 2002:c000:20a::1; write the address the director publishes',
    ],
  },
  {
    name: 'a colon at the end',
    text: vipItem('2001:db8::'),
    errors: [
      '3:5: vips[0]: YAML reads this as a key, because a colon ends it: expected an address, received "2001:db8::"; put it in quotes: "2001:db8::"',
    ],
  },
  {
    name: 'two double colons',
    text: vipItem('2001::db8::1'),
    errors: [
      '3:5: vips[0]: not an IPv6 address: expected eight groups of up to four hexadecimal digits, or fewer with one "::", received 2001::db8::1; correct the address',
    ],
  },
  {
    name: 'a group of five digits',
    text: vipItem('2001:db8::12345'),
    errors: [
      '3:5: vips[0]: not an IPv6 address: expected eight groups of up to four hexadecimal digits, or fewer with one "::", received 2001:db8::12345; correct the address',
    ],
  },
  {
    name: 'seven groups',
    text: vipItem('1:2:3:4:5:6:7'),
    errors: [
      '3:5: vips[0]: not an IPv6 address: expected eight groups of up to four hexadecimal digits, or fewer with one "::", received 1:2:3:4:5:6:7; correct the address',
    ],
  },
  {
    name: 'twice',
    text: 'version: 1\nvips:\n  - 192.0.2.10\n  - {address: 192.0.2.10}\n',
    errors: [
      '4:15: vips[1].address: the same VIP twice (the other is at line 3, column 5): expected each VIP once, received 192.0.2.10; delete one of them',
    ],
  },
  {
    name: 'twice in other letters',
    text: 'version: 1\nvips: ["2001:DB8::10", 2001:db8:0::10]\n',
    errors: [
      '2:24: vips[1]: the same VIP twice (the other is at line 2, column 8): expected each VIP once, received 2001:db8:0::10; delete one of them',
    ],
  },
  {
    name: 'no space after a colon',
    text: vipItem('address:192.0.2.10'),
    errors: [
      '3:5: vips[0]: not an IP address: expected an IPv4 or IPv6 address for a VIP, received address:192.0.2.10; is a space missing after the colon?',
    ],
  },
  {
    name: 'a device whose name ip -batch would cut off',
    text: vipItem('{address: 192.0.2.10, device: "eth0#v"}'),
    errors: [
      '3:35: vips[0].device: ip(8) takes # for the beginning of a comment: expected the name of a network device: 1 to 15 characters without slash, colon or white space, received "eth0#v"; rename the device',
    ],
  },
  {
    name: 'a label for a device',
    text: vipItem('{address: 192.0.2.10, device: "lo:0"}'),
    errors: [
      '3:35: vips[0].device: a label and not a device: expected the name of a network device: 1 to 15 characters without slash, colon or white space, received "lo:0"; write lo: rsprep sets its own label',
    ],
  },
  {
    name: 'a group of sysctls for a device',
    text: vipItem('{address: 192.0.2.10, device: all}'),
    errors: [
      '3:35: vips[0].device: not a device but a group of sysctls: expected the name of a network device: 1 to 15 characters without slash, colon or white space, received all; write lo, or leave it out',
    ],
  },
  {
    name: 'a long device',
    text: vipItem('{address: 192.0.2.10, device: averylongdevicename}'),
    errors: [
      '3:35: vips[0].device: a name of 19 characters: expected the name of a network device: 1 to 15 characters without slash, colon or white space, received averylongdevicename; see "ip link" for the names of this host',
    ],
  },
  {
    name: 'a path for a device',
    text: vipItem('{address: 192.0.2.10, device: ../etc}'),
    errors: [
      '3:35: vips[0].device: not the name of a device: expected the name of a network device: 1 to 15 characters without slash, colon or white space, received ../etc; see "ip link" for the names of this host',
    ],
  },
  {
    name: 'a number for a device',
    text: vipItem('{address: 192.0.2.10, device: 7}'),
    errors: [
      '3:35: vips[0].device: YAML reads this as a number: expected the name of a network device, received 7; put the name in quotes, so that YAML reads it as text',
    ],
  },
];
