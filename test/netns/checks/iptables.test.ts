// The same through iptables' own tools: iptables-nft, whose extensions nft names without their options, the legacy tables of both
// families, and arptables. Nothing is listed where no table is in use: listing would load one.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode, findingsOf } from '../../support/rsprep.ts';
import { addVeth, type Case, config, inject, seen } from './support.ts';

const http = (ip: string) => ({ ...config, vips: [{ address: ip, services: ['tcp/8080'] }] });
const unserved = (ip: string) => [`high service-missing@${ip}/tcp/8080`];
const otherWayOut: Case['prepare'] = ({ rs }) => {
  addVeth(rs, 'eth1');
  rs.batch(['addr add 192.168.5.11/24 dev eth1', 'route replace default via 192.168.5.1']);
};
const kernelHas = (family: 'ip' | 'ip6' | 'arp'): boolean => existsSync(`/proc/net/${family}_tables_names`);
/** The words behind the name of a test that a kernel without these tables cannot run. */
const unless = (has: boolean): string =>
  has ? '' : ' (not run: needs a kernel with the legacy tables of iptables and arptables)';

/** Both kinds of iptables take the same words. */
describe.each([
  ['iptables-nft', 'ip6tables-nft', true],
  ['iptables-legacy', 'ip6tables-legacy', kernelHas('ip') && kernelHas('ip6')],
] as const)('%s', (four, six, has) => {
  const rules =
    (program: string, ...lines: readonly string[]): Case['change'] =>
    ({ rs }) => {
      for (const line of lines) rs.must([program, ...line.split(' ')]);
    };
  const cases: readonly Case[] = [
    {
      name: 'a policy of drop that admits only the RIP, and a match on the state',
      config: http(VIP),
      before: unserved(VIP),
      change: rules(
        four,
        '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        '-A INPUT -p tcp -m multiport --dports 22,8080 -d 10.0.0.11 -j ACCEPT',
        '-P INPUT DROP',
      ),
      finds: [...unserved(VIP), `advice firewall-drops@${VIP}/tcp/8080`],
    },
    {
      name: 'the same policy of drop for IPv6',
      config: http(VIP6),
      before: unserved(VIP6),
      change: rules(six, `-A INPUT -d ${VIP6} -m state --state NEW,INVALID -j DROP`),
      finds: [...unserved(VIP6), `advice firewall-drops@${VIP6}/tcp/8080`],
    },
    {
      name: '-m rpfilter, and another way out',
      prepare: otherWayOut,
      change: rules(four, '-t raw -A PREROUTING -m rpfilter --invert -j DROP'),
      finds: [`advice firewall-drops@${VIP}`],
    },
    {
      name: '-m rpfilter, and one way in and out',
      change: rules(four, '-t raw -A PREROUTING -m rpfilter --invert -j DROP'),
      finds: [],
    },
    {
      name: 'a container’s published port (DNAT) needs no socket here',
      config: http(VIP),
      before: unserved(VIP),
      change: rules(
        four,
        '-t nat -N DOCKER',
        '-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
        '-t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
      ),
      finds: [],
    },
  ];
  for (const given of cases) it.runIf(has)(`${given.name}${unless(has)}`, () => inject(given));
});

describe('arptables', () => {
  it.runIf(kernelHas('arp'))('arptables: its rules hide a leak that the sysctls leave open', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      net.rs.must(['arptables-legacy', '-A', 'INPUT', '-d', VIP, '-j', 'DROP']);
      expect(seen(agent)).toEqual([]);
      net.rs.arp('all', 'arp_ignore', 0);
      // No peer hears it, and still it hangs on that one rule.
      const asked = await net.client.start(['arping', '-c', '2', '-w', '1', '-I', 'eth0', VIP]).done;
      expect(asked.stdout).not.toContain('reply from');
      const [finding] = findingsOf(agent.run('verify', '--format', 'json'));
      expect(finding).toMatchObject({ id: 'arp-ignore@all', consequences: [{ id: 'arp-filter' }] });
      expect(finding?.consequences?.[0]?.seen).toContain(`-j DROP -d ${VIP}`);

      const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const outcome = net.rs.run([...asNobody, ...agent.argv('verify', '--format', 'json')]);
      expect(findingsOf(expectCode(outcome, 2)).map(({ kind, id }) => `${kind} ${id}`)).toEqual([
        'wrong arp-ignore@all',
        'unknown arp-filter',
      ]);
      expectCode(agent.run('apply'), 0);
      expect(seen(agent)).toEqual([]);
    });
  });

  it.runIf(kernelHas('arp'))(
    `is not listed where its table is not in use: that would make one${unless(kernelHas('arp'))}`,
    async () => {
      await withNetwork((net) => {
        const agent = agentOn(net, net.rs, config);
        net.rs.ip(`addr add ${VIP}/32 dev lo`);
        expect(seen(agent)).toContain('critical arp-ignore@all');
        for (const family of ['arp', 'ip', 'ip6'])
          expect(net.rs.must(['cat', `/proc/net/${family}_tables_names`])).toBe('');
      });
    },
  );
});
