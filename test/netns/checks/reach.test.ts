// Packets that do not get in or out although the VIP is where it belongs: the firewall's own reverse path filters, rules of
// the routing policy, addresses with a peer, sockets that hear another device. Each is made to go wrong for real, a peer sees the
// requests go unanswered, and verify shows exactly that.
import { describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, type Network, neighbours, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode, verifyIds } from '../../support/rsprep.ts';
import { startEcho, startLoad } from '../../support/tools.ts';
import { addVeth, type Case, config, inject, seen, serve } from './support.ts';

/** A second NIC with the default route of both families: replies to clients far away leave by it. */
const otherWayOut: Case['prepare'] = ({ rs }) => {
  addVeth(rs, 'eth1');
  rs.batch([
    'addr add 192.168.5.11/24 dev eth1',
    'addr add fd05::11/64 dev eth1 nodad',
    'addr add fe80::5:11/64 dev eth1 nodad',
    'route replace default via 192.168.5.1',
    'route replace default via fd05::1',
  ]);
};
const nft = (net: Network, rule: string, chain = 'prerouting'): void =>
  void net.rs.must([
    'nft',
    `add table inet f; add chain inet f c { type filter hook ${chain} priority -300; }; add rule inet f c ${rule}`,
  ]);
const flush: Case['fix'] = ({ rs }) => rs.must(['nft', 'flush ruleset']);
const both = { ...config, vips: [VIP, VIP6], directors: [DIRECTOR, 'fd00::2'] };
/** A packet of a client far away, which comes in by eth0 as the director would hand it over. */
function askFromFar({ client }: Network, vip: string): void {
  client.batch([`addr add ${FAR}/32 dev lo`, ...neighbours(VIP)]);
  // 0 is answered, 1 is not; anything else has asked nothing.
  expect([0, 1]).toContain(client.run(['ping', '-c', '1', '-W', '1', '-I', FAR, vip]).code);
}
const FAR = '203.0.113.9';

const drops: readonly Case[] = [
  {
    name: 'nft fib saddr . iif oif missing drop, and another way out',
    prepare: otherWayOut,
    change: (net) => nft(net, 'fib saddr . iif oif missing drop'),
    finds: [`advice firewall-drops@${VIP}`],
    fix: flush,
  },
  {
    name: 'nft fib … oif 0, both families, and another way out',
    config: both,
    prepare: otherWayOut,
    change: (net) => nft(net, 'fib saddr . iif oif 0 counter drop'),
    finds: [`advice firewall-drops@${VIP}`, `advice firewall-drops@${VIP6}`],
    fix: flush,
  },
  {
    name: 'a policy of drop, and only what came in by its way out is let in',
    prepare: otherWayOut,
    change: (net) =>
      net.rs.must([
        'nft',
        'add table ip6 f; add table ip f; add chain ip f c { type filter hook prerouting priority -300; policy drop; }; add rule ip f c fib saddr . iif oif exists accept',
      ]),
    finds: [`advice firewall-drops@${VIP}`],
    fix: flush,
  },
  {
    name: 'the same nft fib rules are harmless where packets leave as they came',
    config: both,
    change: (net) => {
      nft(net, 'fib saddr . iif oif missing drop');
      nft(net, 'fib saddr . iif oif 0 drop');
    },
    finds: [],
  },
  {
    name: 'nft fib without iif: any way back will do',
    prepare: otherWayOut,
    change: (net) => nft(net, 'fib saddr oif 0 drop'),
    finds: [],
  },
  {
    name: 'the nft rule looks at another NIC only',
    prepare: otherWayOut,
    change: (net) => nft(net, 'iifname "eth1" fib saddr . iif oif missing drop'),
    finds: [],
  },
  {
    name: 'nft fib, and one of two ways out is the way in',
    prepare: (net, agent) => {
      otherWayOut(net, agent);
      net.rs.ip(`route replace default nexthop via 192.168.5.1 nexthop via ${CLIENT}`);
    },
    change: (net) => {
      nft(net, 'fib saddr . iif oif missing drop');
      net.rs.arp('eth0', 'rp_filter', 1);
    },
    finds: [],
  },
  {
    name: 'what is for addresses of another device is dropped (fib daddr . iif type), and the VIP is on lo',
    config: both,
    change: (net) => nft(net, 'fib daddr . iif type != { local, broadcast, multicast } drop'),
    finds: [`advice firewall-drops@${VIP}`, `advice firewall-drops@${VIP6}`],
    fix: flush,
  },
  {
    name: 'fib daddr type without iif takes the VIP for local',
    config: both,
    change: (net) => nft(net, 'fib daddr type != { local, broadcast, multicast } drop'),
    finds: [],
  },
  {
    name: 'the whole VIP is dropped, and no service is configured',
    change: (net) => nft(net, `ip daddr ${VIP} drop`),
    finds: [`advice firewall-drops@${VIP}`],
    fix: flush,
  },
  {
    name: 'the whole VIP is dropped, by the director’s device alone',
    change: (net) => nft(net, `iifname "eth*" ip daddr ${VIP} drop`),
    finds: [`advice firewall-drops@${VIP}`],
    fix: flush,
  },
  {
    name: 'what the VIP answers is dropped on its way out',
    change: (net) => nft(net, `ip saddr ${VIP} drop`, 'output'),
    finds: [`advice firewall-drops@${VIP}`],
    fix: flush,
  },
];

const ways: readonly Case[] = [
  {
    name: 'a rule that makes replies of the VIP unreachable',
    change: ({ rs }) => rs.ip(`rule add from ${VIP} unreachable`),
    finds: [`high no-way-back@${VIP}`],
    fix: ({ rs }) => rs.ip(`rule del from ${VIP} unreachable`),
  },
  {
    name: 'a rule that leads replies of the VIP into a table that drops them',
    change: ({ rs }) => rs.batch(['route add blackhole default table 100', `rule add from ${VIP} lookup 100`]),
    finds: [`high no-way-back@${VIP}`],
    fix: ({ rs }) => rs.ip(`rule del from ${VIP} lookup 100`),
  },
  {
    name: 'the same for IPv6',
    config: both,
    change: ({ rs }) => rs.ip(`-6 rule add from ${VIP6} prohibit`),
    finds: [`high no-way-back@${VIP6}`],
    fix: ({ rs }) => rs.ip(`-6 rule del from ${VIP6} prohibit`),
  },
  {
    name: 'a rule before the local table that refuses packets for the VIP',
    change: ({ rs }) =>
      rs.batch(['rule add pref 5 lookup local', 'rule del pref 0', `rule add pref 1 to ${VIP} unreachable`]),
    finds: [`high vip-unroutable@${VIP}`],
    fix: ({ rs }) => rs.ip(`rule del pref 1 to ${VIP} unreachable`),
  },
  {
    name: 'the local route of the VIP gone, its address still there',
    change: ({ rs }) => rs.ip(`route del local ${VIP} dev lo table local`),
    finds: [`high vip-unroutable@${VIP}`],
    fix: ({ rs }) => rs.ip(`route add local ${VIP} dev lo table local proto kernel scope host src ${VIP}`),
  },
  {
    name: 'a VIP whose peer is the director',
    change: ({ rs }) => rs.batch([`addr del ${VIP}/32 dev lo`, `addr add ${VIP} peer ${DIRECTOR}/32 dev lo`]),
    finds: [`critical vip-prefix@${VIP}`],
    applyFixes: [],
  },
  {
    name: 'a VIP with a peer on the NIC: taken away with it',
    change: ({ rs }) => rs.ip(`addr add ${VIP} peer 10.0.0.99/32 dev eth0`),
    finds: [`critical vip-on-nic@${VIP}`],
    applyFixes: ['--take-from-nic'],
  },
  {
    name: 'the VIP as the source of packets to one network only',
    change: ({ rs }) => rs.ip(`route add 10.9.0.0/24 via ${CLIENT} src ${VIP}`),
    finds: [`high vip-as-source@${VIP}`],
    fix: ({ rs }) => rs.ip('route del 10.9.0.0/24'),
  },
  {
    name: 'one of several next hops is the director',
    change: ({ rs }) => rs.ip(`route replace default nexthop via ${CLIENT} nexthop via ${DIRECTOR}`),
    finds: [`high gateway-is-director@${DIRECTOR}`],
    fix: ({ rs }) => rs.ip(`route replace default via ${CLIENT}`),
  },
  {
    name: 'one network behind the director',
    change: ({ rs }) => rs.ip(`route add 10.9.0.0/24 via ${DIRECTOR}`),
    finds: [`advice gateway-is-director@${DIRECTOR}`],
    fix: ({ rs }) => rs.ip('route del 10.9.0.0/24'),
  },
];

describe('firewalls that look at routes', () => {
  for (const given of drops) it(given.name, () => inject(given));
});
describe('ways in and out', () => {
  for (const given of ways) it(given.name, () => inject(given));
});

describe('what the checks say is what happens', () => {
  it.each([
    ['fib saddr . iif oif missing drop', true, false],
    ['fib daddr . iif type != { local, broadcast, multicast } drop', false, false],
    ['fib saddr oif 0 drop', true, true],
  ])('%s (another way out: %s): delivered is %s', async (rule, asymmetric, delivered) => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      if (asymmetric) await otherWayOut(net, agent);
      expectCode(agent.run('apply'), 0);
      net.rs.must([
        'nft',
        `add table inet f; add chain inet f c { type filter hook prerouting priority -300; }; add rule inet f c ${rule}; add chain inet f d { type filter hook input priority 0; }; add rule inet f d ip daddr ${VIP} counter`,
      ]);
      askFromFar(net, VIP);
      const counted = /ip daddr 10\.0\.0\.100 counter packets (\d+)/.exec(net.rs.must(['nft', 'list', 'ruleset']))?.[1];
      expect(Number(counted) > 0).toBe(delivered);
      expect(seen(agent)).toEqual(delivered ? [] : [`advice firewall-drops@${VIP}`]);
    });
  });

  it('conntrack: a rule that drops what is invalid cuts a connection that tracking did not see begin, if tcp_loose is 0', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, { ...config, vips: [{ address: VIP, services: ['tcp/8080'] }] });
      expectCode(agent.run('apply'), 0, 2);
      await serve(net, net.rs, 'tcp', '0.0.0.0', 8080);
      net.client.batch(neighbours(VIP));
      const script = `exec 3<>/dev/tcp/${VIP}/8080; echo one >&3; read -t 2 a <&3 && echo "got $a"; read -r go; echo two >&3; read -t 2 b <&3 && echo "got $b" || echo lost`;
      const talk = net.client.start(['bash', '-c', script]);
      const said: string[] = [];
      talk.child.stdout?.on('data', (data: Buffer) => said.push(data.toString()));
      await expect.poll(() => said.join(''), { timeout: 5000 }).toContain('got one');
      // Only now does this namespace track connections.
      net.rs.must(['sysctl', '-qw', 'net.netfilter.nf_conntrack_tcp_loose=0']);
      expect(seen(agent)).toEqual([]);
      nft(net, 'ct state invalid drop', 'input');
      expect(verifyIds(agent)).toEqual({ code: 0, ids: ['conntrack-strict'] });
      talk.child.stdin?.write('go\n');
      await expect.poll(() => said.join(''), { timeout: 6000 }).toContain('lost');
      net.rs.must(['sysctl', '-qw', 'net.netfilter.nf_conntrack_tcp_loose=1']);
      expect(seen(agent)).toEqual([]);
      talk.child.kill('SIGKILL');
      await talk.done;
    });
  });

  it('a socket that is bound to another device than the director’s hears nothing', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, { ...config, vips: [{ address: VIP, services: ['udp/5353'] }] });
      addVeth(net.rs, 'eth1');
      expectCode(agent.run('apply'), 0, 2);
      const echo = await startEcho(net, { device: 'eth1' });
      expect(seen(agent)).toEqual([`high service-missing@${VIP}/udp/5353`]);
      const lost = await startLoad(net, { ratePerS: 50, seconds: 1 });
      expect((await lost.stop()).answered).toBe(0);
      await echo.stop();
      await startEcho(net, { device: 'eth0' });
      expect(seen(agent)).toEqual([]);
      const heard = await startLoad(net, { ratePerS: 50, seconds: 1 });
      expect((await heard.stop()).answered).toBeGreaterThan(0);
    });
  });
});
