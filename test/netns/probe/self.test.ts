// `probe self` on a real server with real leaks: what it says is what happens. Every case has its control.
import { describe, expect, it } from 'vitest';
import { type Network, RIP, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { killTree, sleep } from '../../support/process.ts';
import { agentOn, expectCode } from '../../support/rsprep.ts';
import { startEcho } from '../../support/tools.ts';
import { ECHO_SERVICE, outcomes, prepared, resultOf, SERVICES } from './support.ts';

const json = ['probe', 'self', '--format', 'json'] as const;
const plain = { version: 1, vips: [VIP, VIP6] };

/** Runs it on a prepared host after something went wrong there. */
function selfAfter(
  spoil: (net: Network) => void | Promise<void>,
  code: number,
  config: Record<string, unknown> = plain,
): Promise<Readonly<Record<string, string>>> {
  return withNetwork(async (net) => {
    const agent = prepared(agentOn(net, net.rs, config));
    await spoil(net);
    const outcome = expectCode(agent.run(...json), code);
    expect(net.rs.ip('-br link show')).not.toContain('rsprobe');
    return outcomes(outcome);
  });
}

describe('probe self, ARP and neighbour discovery', () => {
  it('finds nothing on a prepared host, and leaves nothing behind', async () => {
    await withNetwork((net) => {
      const agent = prepared(agentOn(net, net.rs, plain));
      const before = net.rs.must(['ip', 'addr']) + net.rs.must(['ip', 'neigh']);
      const seen = outcomes(expectCode(agent.run(...json), 0));
      expect(seen).toEqual({ 'probe-arp@eth0': 'good', 'probe-ndp@eth0': 'good' });
      expect(net.rs.must(['ip', 'addr']) + net.rs.must(['ip', 'neigh'])).toBe(before);
    });
  });

  it('sees arp_ignore=0', async () => {
    const open = (net: Network): void => void net.rs.arp('all', 'arp_ignore', 0);
    expect(await selfAfter(open, 2)).toEqual({ 'probe-arp@eth0': 'wrong', 'probe-ndp@eth0': 'good' });
  });

  it('sees the VIP on the NIC, which arp_ignore=1 does not hide', async () => {
    const place = (net: Network): void => void net.rs.ip(`addr add ${VIP}/32 dev eth0`);
    expect(await selfAfter(place, 2)).toMatchObject({ 'probe-arp@eth0': 'wrong' });
  });

  it('sees a proxy that advertises the IPv6 VIP', async () => {
    const proxy = (net: Network): void => {
      net.rs.must(['sh', '-c', 'for k in forwarding proxy_ndp; do echo 1 >/proc/sys/net/ipv6/conf/all/$k; done']);
      net.rs.ip(`neigh add proxy ${VIP6} dev eth0`);
    };
    expect(await selfAfter(proxy, 2)).toEqual({ 'probe-arp@eth0': 'good', 'probe-ndp@eth0': 'wrong' });
  });

  it('sees the IPv6 VIP on the NIC', async () => {
    const place = (net: Network): void => void net.rs.ip(`addr add ${VIP6}/128 dev eth0 nodad`);
    expect(await selfAfter(place, 2)).toMatchObject({ 'probe-ndp@eth0': 'wrong' });
  });

  it('cannot tell where the control fails: deaf with arp_ignore=8, or ARP dropped on its way in', async () => {
    const deaf = (net: Network): void => void net.rs.arp('all', 'arp_ignore', 8);
    expect(await selfAfter(deaf, 1)).toMatchObject({ 'probe-arp@eth0': 'void' });
    const dropped = (net: Network): void =>
      void net.rs.must([
        'nft',
        'add table arp f; add chain arp f i { type filter hook input priority 0; policy drop; }',
      ]);
    expect(await selfAfter(dropped, 1)).toMatchObject({ 'probe-arp@eth0': 'void', 'probe-ndp@eth0': 'good' });
  });

  it('judges an interface without an address by a neighbour solicitation, and finds its leak', async () => {
    const second = (net: Network): void => {
      net.rs.batch(['link add name e.1 type veth peer name far1', 'link set far1 up', 'link set e.1 up']);
    };
    const seen = await selfAfter(async (net) => {
      second(net);
      await expect.poll(() => net.rs.ip('-6 addr show tentative'), { timeout: 8000 }).toBe('');
    }, 0);
    expect(seen).toMatchObject({ 'probe-arp@eth0': 'good', 'probe-arp@e.1': 'good' });
    const leaking = await selfAfter((net) => {
      second(net);
      for (const scope of ['all', 'e.1', 'far1']) net.rs.arp(scope, 'arp_ignore', 0);
      net.rs.arp('eth0', 'arp_ignore', 1);
    }, 2);
    expect(leaking).toMatchObject({ 'probe-arp@eth0': 'good', 'probe-arp@e.1': 'wrong', 'probe-arp@far1': 'wrong' });
    const bare = await selfAfter((net) => {
      net.rs.batch(['link add name e.1 type veth peer name far1', 'link set e.1 addrgenmode none', 'link set far1 up']);
      net.rs.ip('link set e.1 up');
    }, 1);
    expect(bare).toMatchObject({ 'probe-arp@eth0': 'good', 'probe-arp@e.1': 'void' });
  });

  it('asks a bridge and not its ports', async () => {
    const seen = await selfAfter(
      (net) => {
        net.rs.batch([
          'link add name br0 type bridge',
          'link set br0 up',
          'addr flush dev eth0 scope global',
          'link set eth0 master br0',
          'addr add 10.0.0.11/24 dev br0',
        ]);
      },
      0,
      { version: 1, vips: [VIP] },
    );
    expect(seen).toEqual({ 'probe-arp@eth0': 'skipped', 'probe-arp@br0': 'good' });
  });

  it('leaves nothing behind when it is killed', async () => {
    await withNetwork(async (net) => {
      const agent = prepared(agentOn(net, net.rs, { version: 1, vips: [{ address: VIP, services: ['tcp/8080'] }] }));
      for (const device of ['-a', '-a', '-b']) {
        const { child, done } = agent.start({}, ...json);
        // Killed with its device there: the injector's (a), or the neighbour's (b).
        await expect.poll(() => net.rs.ip('-br link show'), { timeout: 10_000, interval: 2 }).toContain(`${device}@`);
        if (child.pid !== undefined) killTree(child.pid);
        expect((await done).signal).toBe('SIGKILL');
      }
      // The kernel takes a namespace down a moment after its last user is gone (cleanup_net).
      await expect.poll(() => net.rs.ip('-br link show'), { timeout: 5000 }).not.toContain('rsprobe');
      expectCode(agent.run(...json), 2); // nobody listens, and that is what it says
      net.rs.ip('link add name rsprobezzzzz-a type veth peer name left');
      expect(expectCode(agent.run('probe', 'self', '--clean'), 0).stdout).toContain('rsprobezzzzz-a');
      expect(net.rs.ip('-br link show')).not.toContain('rsprobe');
    });
  });

  it('announces nothing: the wire hears the controls answer to an invented MAC, and no word of a VIP', async () => {
    await withNetwork(async (net) => {
      const agent = prepared(agentOn(net, net.rs, plain));
      const argv = ['tcpdump', '-i', 'eth0', '-nnel', '--immediate-mode', 'arp or icmp6'];
      const { child, done } = net.director.start(argv);
      await sleep(700);
      expectCode(agent.run(...json), 0);
      await sleep(300);
      child.kill('SIGINT');
      const heard = (await done).stdout.split('\n').filter((line) => line.includes(net.rs.mac));
      expect(heard.some((line) => line.includes(`Reply ${RIP} is-at`))).toBe(true);
      expect(heard.filter((line) => line.includes(VIP) || line.includes(VIP6))).toEqual([]);
      expect(heard.filter((line) => /> (ff:ff|33:33)/.test(line))).toEqual([]);
    });
  });

  it('asks for hundreds of VIPs, finds the one that leaks, and waits its turn', async () => {
    await withNetwork(async (net) => {
      const vips = Array.from({ length: 400 }, (_, i) => `10.0.${1 + (i >> 7)}.${1 + (i & 127)}`);
      const agent = prepared(agentOn(net, net.rs, { version: 1, vips }));
      expect(outcomes(expectCode(agent.run(...json), 0))).toEqual({ 'probe-arp@eth0': 'good' });
      net.rs.ip(`addr add ${vips[200]}/32 dev eth0`);
      expect(resultOf(expectCode(agent.run(...json), 2), 'probe-arp@eth0').seen).toContain(`answers for ${vips[200]}`);
      const first = agent.start({}, ...json);
      const both = await Promise.all([first.done, agent.start({}, ...json).done]);
      expect(both.map(({ code }) => code).sort()).toEqual([2, 75]);
    });
  });

  it('needs privilege, and says so', async () => {
    await withNetwork((net) => {
      const agent = prepared(agentOn(net, net.rs, plain));
      const argv = ['setpriv', '--reuid', '65534', '--clear-groups', ...agent.argv(...json)];
      expectCode(net.rs.run(argv), 77);
    });
  });
});

describe('probe self, services', () => {
  const config = { ...SERVICES, vips: SERVICES.vips.slice(0, 1) };

  it('is content with a UDP service that answers from the VIP', async () => {
    const seen = await selfAfter(async (net) => void (await startEcho(net, { port: 5353 })), 0, config);
    expect(seen).toMatchObject({
      [`probe-udp-source@${VIP}/udp/5353`]: 'good',
      [`probe-service@${VIP}/udp/5353`]: 'good',
    });
  });

  it('sees a wildcard UDP service that answers from the RIP', async () => {
    const serve = async (net: Network): Promise<void> => void (await startEcho(net, { port: 5353, pktinfo: false }));
    expect(await selfAfter(serve, 2, config)).toMatchObject({
      [`probe-udp-source@${VIP}/udp/5353`]: 'wrong',
      [`probe-service@${VIP}/udp/5353`]: 'wrong',
    });
  });

  it('sees that nobody listens, on TCP and UDP', async () => {
    const both = { version: 1, vips: [{ address: VIP, services: [ECHO_SERVICE, 'tcp/8080'] }] };
    expect(await selfAfter(() => undefined, 2, both)).toMatchObject({
      [`probe-service@${VIP}/udp/5353`]: 'wrong',
      [`probe-service@${VIP}/tcp/8080`]: 'wrong',
    });
  });

  it('cannot tell behind a firewall that drops all for the VIP', async () => {
    const drop = async (net: Network): Promise<void> => {
      await startEcho(net, { port: 5353 });
      net.rs.must([
        'nft',
        `add table ip f; add chain ip f i { type filter hook input priority 0; }; add rule ip f i iifname != "lo" ip daddr ${VIP} drop`,
      ]);
    };
    const seen = await selfAfter(drop, 1, config);
    expect(seen).toMatchObject({
      [`probe-udp-source@${VIP}/udp/5353`]: 'good',
      [`probe-service@${VIP}/udp/5353`]: 'void',
    });
  });

  it('shows in JSON what it saw, wanted and why', async () => {
    await withNetwork(async (net) => {
      const agent = prepared(agentOn(net, net.rs, config));
      await startEcho(net, { port: 5353, pktinfo: false });
      const result = resultOf(agent.run(...json), `probe-service@${VIP}/udp/5353`);
      expect(result).toMatchObject({ severity: 'high', outcome: 'wrong', vips: [VIP] });
      expect(result.seen).toMatch(/^an answer from (?!10\.0\.0\.100)/);
    });
  });
});
