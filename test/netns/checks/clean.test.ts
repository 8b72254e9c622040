// A prepared host of each layout that namespaces can have gives no finding at all, advice included: false alarms are bugs.
// (Bonds, VRFs, dummy devices, and VLANs on bonds: ../../real/clean.test.ts; tunnels: ../../real/devices.test.ts.)
import { describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, type Network, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { agentOn, type Config, expectCode } from '../../support/rsprep.ts';
import { startEcho } from '../../support/tools.ts';
import { addVeth, config, put, seen, serve } from './support.ts';

interface Layout {
  readonly name: string;
  readonly config?: Config;
  readonly build?: (net: Network) => unknown;
  readonly later?: (net: Network) => unknown;
}

const container = ({ rs }: Network) => {
  addVeth(rs, 'veth1', 'ct0');
  rs.batch([
    'link add docker0 type bridge',
    'link set docker0 addrgenmode none',
    'link set veth1 master docker0',
    'link set docker0 up',
    'addr add 172.17.0.1/16 dev docker0',
  ]);
  rs.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  rs.must(['nft', '-f', '-'], {
    input: `table ip nat {
  chain pre { type nat hook prerouting priority -100; policy accept; fib daddr type local tcp dport 8080 dnat to 172.17.0.2:80
  }
  chain post { type nat hook postrouting priority 100; policy accept; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade
  }
}
table inet filter {
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept
    ct state invalid drop
    iif lo accept
    tcp dport { 22, 80, 8080 } accept
    udp dport 5353 accept
    ip protocol icmp accept
  }
}
`,
  });
};

const layouts: readonly Layout[] = [
  { name: 'a single NIC' },
  { name: 'a single NIC with a strict reverse path filter', build: ({ rs }) => rs.arp('all', 'rp_filter', 1) },
  { name: 'both families', config: { ...config, vips: [VIP, VIP6], directors: [DIRECTOR, 'fd00::2'] } },
  { name: 'no director configured', config: { version: 1, vips: [VIP, VIP6] } },
  {
    name: 'the NIC is a bridge port, and the bridge has the address',
    build: ({ rs }) =>
      rs.batch([
        'link add br0 type bridge',
        'link set br0 addrgenmode none',
        'link set eth0 master br0',
        'link set br0 up',
        'addr flush dev eth0',
        'addr add 10.0.0.11/24 dev br0',
        'addr add fe80::11/64 dev br0 nodad',
        `route add default via ${CLIENT}`,
      ]),
  },
  {
    name: 'a container behind a bridge, a firewall with default drop, a published port',
    config: { ...config, vips: [{ address: VIP, services: ['tcp/80', 'tcp/8080', 'udp/5353'] }] },
    build: container,
    later: async (net) => {
      await serve(net, net.rs, 'tcp', '0.0.0.0', 80);
      await startEcho(net);
    },
  },
  {
    name: 'a macvlan on the NIC, with its own address, default route and strict filter',
    build: ({ rs }) => {
      rs.batch([
        'link add link eth0 name mv0 type macvlan mode bridge',
        'link set mv0 addrgenmode none',
        'link set mv0 up',
        'addr flush dev eth0',
        'addr add 10.0.0.11/24 dev mv0',
        'addr add fe80::11/64 dev mv0 nodad',
        `route add default via ${CLIENT}`,
      ]);
      rs.arp('all', 'rp_filter', 1);
    },
  },
  {
    name: 'several VIPs, of several networks, some adopted from lo:0 with scope host',
    config: { ...config, vips: [VIP, '10.0.0.101', '198.51.100.7', '192.0.2.7', VIP6, 'fd00::101'] },
    build: ({ rs }) => rs.batch([`addr add ${VIP}/32 dev lo label lo:0 scope host`]),
  },
  {
    name: 'a lab that uses the documentation networks for itself',
    config: { version: 1, vips: ['203.0.113.100'], directors: ['203.0.113.2'], rip: '203.0.113.11' },
    build: ({ rs }) => {
      rs.batch(['addr flush dev eth0', 'addr add 203.0.113.11/24 dev eth0', 'route add default via 203.0.113.1']);
      rs.arp('all', 'rp_filter', 1);
    },
  },
  {
    name: 'two ways out of equal cost, a strict filter',
    build: ({ rs }) => {
      addVeth(rs, 'eth1');
      rs.batch([
        'addr add 192.168.5.11/24 dev eth1',
        `route replace default nexthop via 192.168.5.1 nexthop via ${CLIENT}`,
      ]);
      rs.arp('all', 'rp_filter', 1);
    },
  },
  {
    name: 'two NICs, the default route by the other one, a loose filter',
    build: ({ rs }) => {
      addVeth(rs, 'eth1');
      rs.batch(['addr add 192.168.5.11/24 dev eth1', 'route replace default via 192.168.5.1']);
      rs.arp('all', 'rp_filter', 2);
    },
  },
  {
    name: 'replies of the VIP by a rule and a table of their own',
    build: ({ rs }) => {
      addVeth(rs, 'eth1');
      rs.batch([
        'addr add 192.168.5.11/24 dev eth1',
        'route replace default via 192.168.5.1',
        `rule add from ${VIP} lookup 100`,
        `route add default via ${CLIENT} table 100`,
      ]);
      rs.arp('all', 'rp_filter', 1);
    },
  },
  {
    name: 'a NIC without an address that only carries a bridge, and one that is down',
    build: ({ rs }) => {
      addVeth(rs, 'eth8');
      rs.batch(['link add name eth9 type veth peer name p-eth9']);
    },
  },
  {
    name: 'no default route at all',
    build: ({ rs }) => rs.batch(['route del default', '-6 route del default'].slice(0, 1)),
  },
  {
    name: 'services on the VIP and the RIP, TCP and UDP, both families',
    config: {
      ...config,
      vips: [
        { address: VIP, services: ['tcp/80', { port: 'udp/5353', probe: { send: 'aa', expect: 'aa' } }] },
        { address: VIP6, services: ['tcp/80', 'udp/5353'] },
      ],
    },
    later: async (net) => {
      await serve(net, net.rs, 'tcp', '::', 80);
      await startEcho(net, { bind: '::' });
    },
  },
];

describe('no false alarm', () => {
  for (const layout of layouts) {
    it(layout.name, async () => {
      await withNetwork(async (net) => {
        await layout.build?.(net);
        const agent = agentOn(net, net.rs, layout.config ?? config);
        put(
          agent,
          'etc/network/interfaces',
          'auto lo\niface lo inet loopback\nallow-hotplug eth0\niface eth0 inet dhcp\n',
        );
        put(agent, 'usr/lib/rsprep/rsprep.cjs', '#!/usr/bin/node\n');
        put(agent, 'usr/bin/node', '');
        put(
          agent,
          'etc/systemd/system/rsprep-apply.service',
          '[Service]\nExecStart=/usr/lib/rsprep/rsprep.cjs apply --boot\n',
        );
        put(agent, 'etc/systemd/system/multi-user.target.wants/rsprep-apply.service', '');
        put(agent, 'etc/resolv.conf', 'nameserver 192.0.2.53\nnameserver 2001:db8::53\n');
        put(
          agent,
          'usr/lib/sysctl.d/50-default.conf',
          'kernel.sysrq = 16\nnet.ipv4.conf.default.rp_filter = 2\nnet.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\n',
        );
        expectCode(agent.run('apply'), 0);
        await layout.later?.(net);
        expect(seen(agent)).toEqual([]);
        expectCode(agent.run('verify', '--strict'), 0);
      });
    });
  }
});
