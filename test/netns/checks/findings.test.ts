// The ways in which a real server goes wrong, each made to go wrong for real: verify shows exactly that, and nothing else.
// Deleted, moved and wide VIPs, ARP keys and devices that are down are in ../roundtrip.test.ts; what needs bonds, VLANs, VRFs,
// tunnels or IPVS is in ../../real.
import { describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, RIP, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode } from '../../support/rsprep.ts';
import { startEcho } from '../../support/tools.ts';
import { addVeth, type Case, config, inject, put, seen, serve } from './support.ts';

const dns = (more: object = {}) => ({ ...config, vips: [{ address: VIP, services: [{ port: 'udp/5353', ...more }] }] });
const http = { ...config, vips: [{ address: VIP, services: ['tcp/8080'] }] };
const SUBJECT = `${VIP}/udp/5353`;
/** A second NIC in a network of its own, with the default route. */
const secondArm: Case['prepare'] = ({ rs }) => {
  addVeth(rs, 'eth1');
  rs.batch(['addr add 192.168.5.11/24 dev eth1', 'route replace default via 192.168.5.1']);
};
const global = ({ rs }: Parameters<Case['change']>[0]) => rs.ip(`addr add ${VIP}/32 dev lo`);

const arp: readonly Case[] = [
  { name: 'arp_ignore=2', change: ({ rs }) => rs.arp('eth0', 'arp_ignore', 2), finds: ['advice arp-ignore@eth0'] },
  {
    name: 'arp_ignore=2 on all',
    change: ({ rs }) => rs.arp('all', 'arp_ignore', 2),
    finds: ['advice arp-ignore@all'],
    fix: ({ rs }) => rs.arp('all', 'arp_ignore', 1),
  },
  {
    name: 'a NIC without an address, and a VIP of scope global that was adopted',
    prepare: global,
    before: [`advice vip-scope@${VIP}`],
    change: ({ rs }) => {
      addVeth(rs, 'eth9');
      rs.ip('route add 10.9.0.0/24 dev eth9');
    },
    finds: ['critical arp-sender@eth9', `advice vip-scope@${VIP}`],
    fix: ({ rs }) => rs.ip('addr add 10.9.0.11/24 dev eth9'),
  },
  {
    name: 'a NIC without an address is harmless with the scope that apply uses',
    change: ({ rs }) => {
      addVeth(rs, 'eth9');
      rs.ip('route add 10.9.0.0/24 dev eth9');
    },
    finds: [],
  },
  {
    name: 'the VIP is the NIC’s primary address',
    change: ({ rs }) =>
      rs.batch([
        `addr del ${RIP}/24 dev eth0`,
        `addr add ${VIP}/24 dev eth0`,
        `addr add ${RIP}/24 dev eth0`,
        `route replace default via ${CLIENT}`,
      ]),
    config: { ...config, rip: RIP },
    finds: [`critical vip-on-nic@${VIP}`],
  },
  {
    name: 'only the NIC of today is set, and one is plugged in',
    change: ({ rs }) => {
      for (const scope of ['all', 'default']) {
        rs.arp(scope, 'arp_ignore', 0);
        rs.arp(scope, 'arp_announce', 0);
      }
      rs.arp('eth0', 'arp_ignore', 1);
      rs.arp('eth0', 'arp_announce', 2);
      addVeth(rs, 'eth9');
    },
    finds: ['critical arp-ignore@all', 'critical arp-announce@all'],
    applyFixes: [],
  },
  {
    name: 'three VIPs, of which one is on the NIC, one has a wide prefix and one is right',
    config: { ...config, vips: [VIP, '10.0.0.101', '198.51.100.7'] },
    change: ({ rs }) => rs.batch(['addr add 10.0.0.101/32 dev eth0', 'addr add 198.51.100.7/24 dev lo']),
    finds: ['critical vip-on-nic@10.0.0.101', 'critical vip-prefix@198.51.100.7'],
    applyFixes: ['--take-from-nic'],
  },
  {
    name: 'an ARP setting of a bridge counts, not its port’s',
    prepare: ({ rs }) => {
      addVeth(rs, 'eth9');
      rs.batch([
        'link add br0 type bridge',
        'link set br0 addrgenmode none',
        'link set eth9 master br0',
        'link set br0 up',
      ]);
    },
    change: ({ rs }) => rs.arp('br0', 'arp_ignore', 4),
    finds: ['critical arp-ignore@br0'],
    applyFixes: [],
  },
  {
    name: 'a wrong ARP value on the port of a bridge is worth knowing and no more',
    prepare: ({ rs }) => {
      addVeth(rs, 'eth9');
      rs.batch([
        'link add br0 type bridge',
        'link set br0 addrgenmode none',
        'link set eth9 master br0',
        'link set br0 up',
      ]);
    },
    change: ({ rs }) => rs.arp('eth9', 'arp_ignore', 4),
    finds: ['advice arp-ignore@eth9'],
    applyFixes: [],
  },
  {
    name: 'two VIPs in one wide prefix',
    config: { ...config, vips: [VIP, '10.0.0.101'] },
    change: ({ rs }) =>
      rs.batch([
        `addr del ${VIP}/32 dev lo`,
        'addr del 10.0.0.101/32 dev lo',
        `addr add ${VIP}/24 dev lo`,
        'addr add 10.0.0.101/24 dev lo',
      ]),
    finds: [`critical vip-prefix@${VIP}`, 'critical vip-prefix@10.0.0.101'],
    applyFixes: [],
  },
  {
    name: 'proxy ARP that would answer once the VIP is gone',
    prepare: ({ rs }) => {
      addVeth(rs, 'eth9');
      rs.ip('addr add 10.9.0.11/24 dev eth9');
      rs.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    },
    change: ({ rs }) => rs.arp('eth9', 'proxy_arp', 1),
    finds: ['advice proxy-arp@eth9'],
    fix: ({ rs }) => rs.arp('eth9', 'proxy_arp', 0),
  },
  {
    name: 'proxy ARP while the VIP is gone',
    prepare: ({ rs }) => {
      addVeth(rs, 'eth9');
      rs.ip('addr add 10.9.0.11/24 dev eth9');
      rs.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    },
    change: ({ rs }) => {
      rs.arp('eth0', 'proxy_arp_pvlan', 1);
      rs.ip(`addr del ${VIP}/32 dev lo`);
    },
    finds: ['critical proxy-arp@eth0', `high vip-missing@${VIP}`],
    applyFixes: [],
    fix: ({ rs }) => rs.arp('eth0', 'proxy_arp_pvlan', 0),
  },
  {
    name: 'an arp table of nft while the sysctl is open',
    prepare: ({ rs }) =>
      rs.must([
        'nft',
        `add table arp f; add chain arp f in { type filter hook input priority 0; }; add rule arp f in arp daddr ip ${VIP} drop`,
      ]),
    change: ({ rs }) => rs.arp('all', 'arp_ignore', 0),
    finds: ['critical arp-ignore@all'],
    applyFixes: [],
  },
];

const boot: readonly Case[] = [
  {
    name: 'a later sysctl file in another folder',
    change: (_net, agent) =>
      put(agent, 'usr/lib/sysctl.d/99-zzz.conf', 'net.ipv4.conf.*.arp_ignore = 0\nnet.ipv4.conf.all.arp_ignore = 0\n'),
    finds: ['critical boot-sysctl@/usr/lib/sysctl.d/99-zzz.conf'],
    fix: (_net, agent) => put(agent, 'etc/sysctl.d/99-zzz.conf', ''),
  },
  {
    name: '/etc/sysctl.conf says otherwise',
    change: (_net, agent) => put(agent, 'etc/sysctl.conf', '# ours\nnet.ipv4.conf.all.arp_announce = 0\n'),
    finds: ['critical boot-sysctl@/etc/sysctl.conf'],
  },
  {
    name: 'lo down and up, which keeps IPv4 and loses IPv6',
    config: { ...config, vips: [VIP, VIP6] },
    change: ({ rs }) => rs.batch(['link set lo down', 'link set lo up']),
    finds: [`high vip-missing@${VIP6}`],
    applyFixes: [],
  },
  {
    name: 'an address with an end to its lifetime',
    change: ({ rs }) => rs.ip(`addr change ${VIP}/32 dev lo valid_lft 500 preferred_lft 500`),
    finds: [`high vip-expires@${VIP}`],
    applyFixes: [],
  },
  {
    name: 'at boot ifupdown puts the VIP on the NIC',
    change: (_net, agent) =>
      put(agent, 'etc/network/interfaces', `auto eth0:0\niface eth0:0 inet static\n  address ${VIP}\n`),
    finds: [`critical boot-owner@${VIP}`],
  },
  {
    name: 'at boot netplan puts an IPv6 VIP on the NIC, and spells it otherwise',
    config: { ...config, vips: [VIP6] },
    change: (_net, agent) =>
      put(agent, 'etc/netplan/60.yaml', 'network:\n  ethernets:\n    eth0:\n      addresses: ["FD00:0:0::0100/128"]\n'),
    finds: [`critical boot-owner@${VIP6}`],
    fix: (_net, agent) => put(agent, 'etc/netplan/60.yaml', 'network: {}\n'),
  },
  {
    name: 'a script of old gives the VIP to lo:0 with a wide mask',
    change: (_net, agent) =>
      put(agent, 'etc/rc.local', `#!/bin/sh\nVIP=${VIP}\nifconfig lo:0 $VIP\nip addr add ${VIP}/24 dev lo\n`),
    finds: [`high boot-owner@${VIP}`],
    fix: (_net, agent) => put(agent, 'etc/rc.local', '#!/bin/sh\n'),
  },
  {
    name: 'the boot unit disabled, then its interpreter gone',
    prepare: (_net, agent) => {
      put(agent, 'usr/bin/node', '');
      put(agent, 'usr/lib/rsprep/rsprep.cjs', '#!/usr/bin/env node\n');
      put(agent, 'usr/bin/env', '');
      put(
        agent,
        'etc/systemd/system/rsprep-apply.service',
        '[Service]\nExecStart=/usr/lib/rsprep/rsprep.cjs apply --boot\n',
      );
      put(agent, 'etc/systemd/system/multi-user.target.wants/rsprep-apply.service', '');
    },
    change: (net, agent) => net.rs.must(['rm', agent.file('usr/bin/node')]),
    finds: ['high boot-unit'],
    fix: (_net, agent) => put(agent, 'usr/bin/node', ''),
  },
  {
    name: 'after a boot nothing would put the VIP back',
    prepare: (_net, agent) => put(agent, 'etc/systemd/system/multi-user.target.wants/rsprep-apply.service', ''),
    before: ['advice boot-unit'],
    change: (_net, agent) => put(agent, 'etc/systemd/system/rsprep-apply.service', '[Service]\n'),
    finds: [],
  },
];

const routing: readonly Case[] = [
  {
    name: 'a strict reverse path filter and another way out',
    prepare: secondArm,
    change: ({ rs }) => rs.arp('eth0', 'rp_filter', 1),
    finds: ['high rp-filter@eth0'],
    fix: ({ rs }) => rs.arp('eth0', 'rp_filter', 2),
  },
  {
    name: 'a strict filter on a host with one way in and out',
    change: ({ rs }) => rs.arp('all', 'rp_filter', 1),
    finds: [],
  },
  {
    name: 'the default gateway is the director',
    change: ({ rs }) => rs.ip(`route replace default via ${DIRECTOR}`),
    finds: [`high gateway-is-director@${DIRECTOR}`],
    fix: ({ rs }) => rs.ip(`route replace default via ${CLIENT}`),
  },
  {
    name: 'a route whose source is the VIP',
    change: ({ rs }) => rs.ip(`route replace default via ${CLIENT} src ${VIP}`),
    finds: [`high vip-as-source@${VIP}`],
    fix: ({ rs }) => rs.ip(`route replace default via ${CLIENT}`),
  },
  {
    name: 'no link-local address on the NIC, so that no neighbour is asked for from the IPv6 VIP',
    config: { ...config, vips: [VIP6], directors: ['fd00::2'] },
    change: ({ rs }) => rs.ip('addr del fe80::11/64 dev eth0'),
    finds: ['high no-link-local@eth0'],
    fix: ({ rs }) => rs.ip('addr add fe80::11/64 dev eth0 nodad'),
  },
  {
    name: 'no IPv6 on any NIC, and an IPv6 VIP',
    config: { ...config, vips: [VIP, VIP6] },
    change: ({ rs }) => rs.must(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6']),
    finds: ['high no-link-local'],
  },
  {
    name: 'the IPv6 VIP is the first address of a subnet of a NIC that forwards',
    config: { ...config, vips: ['fd00::'] },
    before: ['advice vip6-anycast@fd00::'],
    change: ({ rs }) => rs.must(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/forwarding']),
    finds: ['critical vip6-anycast@fd00::'],
  },
  {
    name: 'the NIC has ARP off',
    change: ({ rs }) => rs.ip('link set eth0 arp off'),
    finds: ['high nic-noarp@eth0'],
    fix: ({ rs }) => rs.ip('link set eth0 arp on'),
  },
  ...(
    [
      ['an unreachable route for it', `route prepend unreachable ${VIP}/32 table local`],
      ['a rule before the local table', `rule add to ${VIP} blackhole pref 0`],
    ] as const
  ).map(
    ([what, command]): Case => ({
      name: `without directors: ${what}`,
      config: { ...config, directors: [], vips: [VIP] },
      change: ({ rs }) => {
        if (command.startsWith('rule')) rs.batch(['rule add lookup local pref 1', 'rule del lookup local pref 0']);
        rs.ip(command);
      },
      finds: [`high vip-unroutable@${VIP}`],
    }),
  ),
  {
    name: 'a RIP that is on no interface',
    config: { ...config, rip: '10.0.0.77' },
    prepare: ({ rs }) => rs.ip('addr add 10.0.0.77/24 dev eth0'),
    change: ({ rs }) => rs.ip('addr del 10.0.0.77/24 dev eth0'),
    finds: ['advice rip-missing@10.0.0.77'],
    fix: ({ rs }) => rs.ip('addr add 10.0.0.77/24 dev eth0'),
  },
  {
    name: 'the director behind a router',
    change: ({ rs }) => rs.ip(`route add ${DIRECTOR} via ${CLIENT}`),
    finds: [`high director-off-link@${DIRECTOR}`],
    fix: ({ rs }) => rs.ip(`route del ${DIRECTOR}`),
  },
  {
    name: 'keepalived names the VIP',
    change: (_net, agent) =>
      put(agent, 'etc/keepalived/keepalived.conf', `vrrp_instance a {\n virtual_ipaddress {\n  ${VIP}\n }\n}\n`),
    finds: [`advice keepalived-vip@${VIP}`],
  },
  {
    name: 'keepalived names the VIP and starts at boot',
    prepare: (_net, agent) => put(agent, 'etc/systemd/system/rsprep-apply.service', ''),
    before: ['high boot-unit'],
    change: (_net, agent) => {
      put(agent, 'etc/systemd/system/multi-user.target.wants/rsprep-apply.service', '');
      put(agent, 'etc/systemd/system/multi-user.target.wants/keepalived.service', '');
      put(
        agent,
        'etc/keepalived/keepalived.conf',
        `vrrp_instance a {\n virtual_ipaddress {\n  ${VIP}/32 dev lo\n }\n}\n`,
      );
    },
    finds: [`critical keepalived-vip@${VIP}`],
  },
  {
    name: 'a neighbour proxy entry for an IPv6 VIP',
    config: { ...config, vips: [VIP6] },
    change: ({ rs }) => {
      rs.must(['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.eth0.proxy_ndp=1']);
      rs.ip(`-6 neigh add proxy ${VIP6} dev eth0`);
    },
    finds: [`critical proxy-ndp@${VIP6}/eth0`],
    fix: ({ rs }) => rs.ip(`-6 neigh del proxy ${VIP6} dev eth0`),
  },
  {
    name: 'the RIP6 deprecated and the VIP6 not',
    config: { ...config, vips: [VIP6] },
    change: ({ rs }) =>
      rs.batch([
        `addr change ${VIP6}/128 dev lo preferred_lft forever`,
        'addr change fd00::11/64 dev eth0 preferred_lft 0',
      ]),
    finds: [`high vip-as-source@${VIP6}`, `advice vip6-preferred@${VIP6}`],
    applyFixes: [],
  },
  {
    name: 'the VIP is a resolver of this host',
    change: (_net, agent) => put(agent, 'etc/resolv.conf', `nameserver ${VIP}\n`),
    finds: [`advice vip-clash@${VIP}`],
  },
];

const services: readonly Case[] = [
  {
    name: 'UDP on 0.0.0.0 without PKTINFO',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => serve(net, net.rs, 'udp', '0.0.0.0', 5353),
    finds: [`high service-source@${SUBJECT}`],
  },
  {
    name: 'UDP on [::] without PKTINFO',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => serve(net, net.rs, 'udp', '::', 5353),
    finds: [`high service-source@${SUBJECT}`],
  },
  {
    name: 'UDP on 0.0.0.0 with PKTINFO is right',
    config: dns({ probe: { send: '0102', expect: '0102' } }),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => startEcho(net),
    finds: [],
  },
  {
    name: 'UDP on [::] with PKTINFO is right',
    config: dns({ probe: { send: '0102', expect: '0102' } }),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => startEcho(net, { bind: '::' }),
    finds: [],
  },
  {
    name: 'a probe sees the wrong source, and its cause is named',
    config: dns({ probe: { send: '0102', expect: '0102' } }),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => serve(net, net.rs, 'udp', '0.0.0.0', 5353),
    finds: [`high service-source@${SUBJECT}`],
  },
  {
    name: 'two UDP sockets share the port, and one of them is without PKTINFO',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: async (net) => {
      await startEcho(net, { reuseport: true });
      await startEcho(net, { reuseport: true, pktinfo: false });
    },
    finds: [`high service-source@${SUBJECT}`],
  },
  {
    name: 'two UDP sockets share the port, both with PKTINFO',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: async (net) => {
      await startEcho(net, { reuseport: true });
      await startEcho(net, { reuseport: true });
    },
    finds: [],
  },
  {
    name: 'UDP on [::], for IPv6 alone',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => startEcho(net, { bind: '::', only6: true }),
    finds: [`high service-missing@${SUBJECT}`],
  },
  {
    name: 'UDP bound to the device lo, which the wire never reaches',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => startEcho(net, { device: 'lo' }),
    finds: [`high service-missing@${SUBJECT}`],
  },
  {
    name: 'UDP on another port',
    config: dns(),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => startEcho(net, { port: 5354 }),
    finds: [`high service-missing@${SUBJECT}`],
  },
  {
    name: 'TCP on the RIP only',
    config: http,
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: (net) => serve(net, net.rs, 'tcp', RIP, 8080),
    finds: [`high service-missing@${VIP}/tcp/8080`],
  },
  {
    name: 'TCP on every address',
    config: http,
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: (net) => serve(net, net.rs, 'tcp', '0.0.0.0', 8080),
    finds: [],
  },
  {
    name: 'TCP on [::]',
    config: http,
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: (net) => serve(net, net.rs, 'tcp', '::', 8080),
    finds: [],
  },
  {
    name: 'TCP on the VIP only',
    config: http,
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: (net) => serve(net, net.rs, 'tcp', VIP, 8080),
    finds: [`advice service-vip-only@${VIP}/tcp/8080`],
  },
  {
    name: 'a socket that does not answer, UDP',
    config: dns({ probe: { send: '0102', expect: '0102' } }),
    before: [`high service-missing@${SUBJECT}`],
    change: (net) => serve(net, net.rs, 'udp', VIP, 5353, 'mute'),
    finds: [`high service-probe@${SUBJECT}`, `advice service-vip-only@${SUBJECT}`],
  },
  {
    name: 'a socket that does not answer, TCP',
    config: {
      ...config,
      vips: [{ address: VIP, services: [{ port: 'tcp/8080', probe: { send: '00', expect: '00' } }] }],
    },
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: (net) => serve(net, net.rs, 'tcp', '0.0.0.0', 8080, 'mute'),
    finds: [`high service-probe@${VIP}/tcp/8080`],
  },
  {
    name: 'a firewall rule that admits only the RIP',
    config: http,
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: async (net) => {
      await serve(net, net.rs, 'tcp', '0.0.0.0', 8080);
      net.rs.must([
        'nft',
        `add table inet f; add chain inet f in { type filter hook input priority 0; policy drop; }; add rule inet f in ip daddr ${RIP} accept`,
      ]);
    },
    finds: [`advice firewall-drops@${VIP}/tcp/8080`],
    fix: ({ rs }) => rs.must(['nft', 'flush ruleset']),
    after: [],
  },
  {
    name: 'the service is in another network namespace',
    config: http,
    before: [`high service-missing@${VIP}/tcp/8080`],
    change: (net) => serve(net, net.client, 'tcp', '0.0.0.0', 8080),
    finds: [`high service-missing@${VIP}/tcp/8080`],
  },
];

describe('a VIP that is another machine’s', () => {
  it('the VIP is the gateway’s address: verify says so, apply refuses', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { ...config, vips: [CLIENT] });
      expect(seen(agent)).toContain(`high vip-clash@${CLIENT}`);
      expectCode(agent.run('apply'), 78);
    });
  });
});
describe('exceptions', () => {
  it('set a finding aside until their day, and are a finding themselves from then on', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      net.rs.arp('eth0', 'arp_ignore', 4);
      const ignore = (id: string, until: string) =>
        agent.configure({ ...config, ignore: [{ id, until, reason: 'lab NIC' }] });
      ignore('arp-ignore@eth?', '2999-12-31');
      expect(seen(agent)).toEqual(['advice ledger@configuration']);
      ignore('arp-ignore@eth?', '2020-01-31');
      expect(seen(agent).filter((line) => !line.includes(' ledger@'))).toEqual([
        'critical arp-ignore@eth0',
        'advice ignore-expired@arp-ignore@eth?',
      ]);
    });
  });
});
describe('ARP', () => {
  for (const given of arp) it(given.name, () => inject(given));
});
describe('at boot', () => {
  for (const given of boot) it(given.name, () => inject(given));
});
describe('routing, topology, IPv6', () => {
  for (const given of routing) it(given.name, () => inject(given));
});
describe('services', () => {
  for (const given of services) it(given.name, () => inject(given));
});
