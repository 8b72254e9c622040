// `probe arp`, `probe service` and `probe watch`: the same leaks, seen from outside or in passing.
import { describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, type Host, type Network, RIP, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { type Outcome, sleep } from '../../support/process.ts';
import { type Agent, agentOn, expectCode } from '../../support/rsprep.ts';
import { startEcho } from '../../support/tools.ts';
import { outcomes, prepared, resultOf } from './support.ts';

const NOBODY_CONFIGURED = { version: 1, vips: ['192.0.2.99'] };

/** rsprep on another host, which needs no configuration for these probes. */
const peerOn = (net: Network, host: Host, config: Record<string, unknown> = NOBODY_CONFIGURED): Agent =>
  agentOn(net, host, config);

const probe = (agent: Agent, code: number, ...words: readonly string[]): Outcome =>
  expectCode(agent.run('probe', ...words, '--format', 'json'), code);

/** A datagram to the VIP, which the real server has to answer (port unreachable) and so to ask ARP for the sender. */
const datagram = (host: Host): Outcome => host.run(['bash', '-c', `echo hi >/dev/udp/${VIP}/9`]);

/** The director has the VIP, as it should; the client, which has a static entry for the real server, forgets it. */
function direct(net: Network): void {
  net.director.batch([`addr add ${VIP}/32 dev eth0`, `addr add ${VIP6}/128 dev eth0 nodad`]);
  net.client.batch([`neigh del ${VIP} dev eth0`, `neigh del ${VIP6} dev eth0`]);
}

describe('probe arp', () => {
  it('hears the director alone, for IPv4 and IPv6, by its MAC or by its address', async () => {
    await withNetwork((net) => {
      prepared(agentOn(net, net.rs, { version: 1, vips: [VIP, VIP6] }));
      direct(net);
      const byHand = probe(peerOn(net, net.client), 0, 'arp', VIP, VIP6, '--expect', net.director.mac.toUpperCase());
      expect(outcomes(byHand)).toEqual({ [`probe-claim@${VIP}`]: 'good', [`probe-claim@${VIP6}`]: 'good' });
      const config = { version: 1, vips: [VIP], directors: [DIRECTOR] };
      expect(outcomes(probe(peerOn(net, net.client, config), 0, 'arp'))).toEqual({ [`probe-claim@${VIP}`]: 'good' });
    });
  });

  it('names who else answers: arp_ignore=0, a NIC with the VIP, an IPv6 proxy', async () => {
    await withNetwork((net) => {
      prepared(agentOn(net, net.rs, { version: 1, vips: [VIP, VIP6] }));
      direct(net);
      const peer = peerOn(net, net.client);
      const ask = (vip: string) =>
        resultOf(probe(peer, 2, 'arp', vip, '--expect', net.director.mac), `probe-claim@${vip}`).seen;
      net.rs.arp('all', 'arp_ignore', 0);
      net.rs.arp('eth0', 'arp_ignore', 0);
      expect(ask(VIP)).toContain(net.rs.mac);
      net.rs.must(['sh', '-c', 'for k in forwarding proxy_ndp; do echo 1 >/proc/sys/net/ipv6/conf/all/$k; done']);
      net.rs.ip(`neigh add proxy ${VIP6} dev eth0`);
      expect(ask(VIP6)).toContain(net.rs.mac);
      // Two claimants are one too many whoever may be the right one.
      expect(outcomes(probe(peer, 2, 'arp', VIP))).toEqual({ [`probe-claim@${VIP}`]: 'wrong' });
      // On the director, which has the VIP itself and never answers itself.
      const onDirector = peerOn(net, net.director, { version: 1, vips: [VIP], directors: [DIRECTOR] });
      expect(resultOf(probe(onDirector, 2, 'arp'), `probe-claim@${VIP}`).seen).toContain(net.rs.mac);
    });
  });

  it('sees a proxy that answers for an absent VIP, of which probe self can only say that it cannot tell', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      net.rs.must([
        'sh',
        '-c',
        'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp_pvlan',
      ]);
      const seen = resultOf(probe(peerOn(net, net.director), 2, 'arp', VIP, '--expect', 'none'), `probe-claim@${VIP}`);
      expect(seen.seen).toContain(net.rs.mac);
      expect(outcomes(probe(agent, 1, 'self'))).toEqual({ 'probe-arp@eth0': 'void' });
    });
  });

  it('cannot tell when nobody answers, unless something else does and nobody may', async () => {
    await withNetwork((net) => {
      prepared(agentOn(net));
      const peer = peerOn(net, net.client);
      expect(outcomes(probe(peer, 1, 'arp', VIP, '--expect', net.director.mac))).toEqual({
        [`probe-claim@${VIP}`]: 'void',
      });
      probe(peer, 1, 'arp', VIP, '--expect', 'none', '--control', '10.0.0.77');
      probe(peer, 0, 'arp', VIP, '--expect', 'none', '--control', DIRECTOR);
      direct(net);
      // One claimant, and nobody said who may.
      probe(peer, 1, 'arp', VIP);
      // The director itself: only a control shows that silence is silence.
      probe(peerOn(net, net.director, { version: 1, vips: [VIP], directors: [DIRECTOR] }), 1, 'arp');
      probe(
        peerOn(net, net.director, { version: 1, vips: [VIP], directors: [DIRECTOR] }),
        0,
        'arp',
        '--control',
        CLIENT,
      );
    });
  });
});

describe('probe service', () => {
  const from = ['--from', '10.0.0.77/24'];
  const question = ['--send', '6869', '--expect', '6869'];

  it('asks one real server past the director, by its address or its MAC, and leaves nothing behind', async () => {
    await withNetwork(async (net) => {
      prepared(agentOn(net, net.rs, { version: 1, vips: [VIP, VIP6] }));
      direct(net);
      await startEcho(net, { port: 5353 });
      await startEcho(net, { port: 5353, bind: VIP6 });
      const peer = peerOn(net, net.client);
      const before = net.client.must(['ip', 'addr']) + net.client.must(['ip', 'neigh']);
      for (const via of [RIP, net.rs.mac])
        probe(peer, 0, 'service', `${VIP}:5353/udp`, '--via', via, '--interface', 'eth0', ...from, ...question);
      probe(peer, 0, 'service', `[${VIP6}]:5353/udp`, '--via', net.rs.mac, '--interface', 'eth0', ...question);
      expect(net.client.must(['ip', 'addr']) + net.client.must(['ip', 'neigh'])).toBe(before);
    });
  });

  it('sees an answer from the RIP, and that nobody listens', async () => {
    await withNetwork(async (net) => {
      prepared(agentOn(net));
      await startEcho(net, { port: 5353, pktinfo: false });
      const peer = peerOn(net, net.client);
      const outcome = probe(peer, 2, 'service', `${VIP}:5353/udp`, '--via', RIP, ...from, ...question);
      expect(resultOf(outcome, `probe-service@${VIP}/udp/5353`).seen).toBe(`an answer from ${RIP}`);
      expect(
        resultOf(probe(peer, 2, 'service', `${VIP}:80`, '--via', RIP, ...from), `probe-service@${VIP}/tcp/80`).seen,
      ).toContain('refused');
    });
  });

  it('tells a dropping firewall (wrong) from a host that is not there (cannot tell)', async () => {
    await withNetwork(async (net) => {
      prepared(agentOn(net));
      const peer = peerOn(net, net.client);
      net.rs.must([
        'nft',
        `add table ip f; add chain ip f i { type filter hook input priority 0; }; add rule ip f i ip daddr ${VIP} drop`,
      ]);
      probe(peer, 2, 'service', `${VIP}:80`, '--via', RIP, ...from);
      probe(peer, 1, 'service', `${VIP}:80`, '--via', net.rs.mac, '--interface', 'eth0', ...from);
      probe(peer, 1, 'service', `${VIP}:80`, '--via', '10.0.0.99', ...from);
      // An address that somebody has is refused, not taken.
      const used = probe(peer, 1, 'service', `${VIP}:80`, '--via', RIP, '--from', `${DIRECTOR}/24`);
      expect(resultOf(used, `probe-service@${VIP}/tcp/80`).reason).toContain(`in use: ${net.director.mac}`);
      expectCode(peer.run('probe', 'service', `${VIP}:80`, '--via', RIP), 64);
    });
  });
});

/** Until so many packet sockets are open: how long a start takes depends on the machine. */
async function listening(host: Host, taps: number): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const [, ...sockets] = host.must(['cat', '/proc/net/packet']).trim().split('\n');
    if (sockets.length >= taps) return;
    await sleep(50);
  }
  throw new Error('probe watch does not listen');
}

describe('probe watch', () => {
  const watch = async (net: Network, agent: Agent, meanwhile: () => void | Promise<void>, code: number) => {
    const { done } = agent.start(
      {},
      'probe',
      'watch',
      VIP,
      '--for',
      '4s',
      '--director',
      net.director.mac,
      '--format',
      'json',
    );
    await listening(net.rs, 3);
    await meanwhile();
    return outcomes(expectCode(await done, code));
  };
  /** A client through the director's MAC: as the director would send it on. */
  const throughDirector = (net: Network): void => {
    net.director.ip(`neigh replace ${VIP} lladdr ${net.rs.mac} dev eth0 nud permanent`);
    datagram(net.director);
  };

  it('hears ARP that leaves with the VIP as its sender (arp_announce=0)', async () => {
    await withNetwork(async (net) => {
      const agent = prepared(agentOn(net));
      net.rs.arp('all', 'arp_announce', 0);
      net.rs.arp('eth0', 'arp_announce', 0);
      const seen = await watch(
        net,
        agent,
        () => {
          net.rs.ip('neigh flush all');
          datagram(net.client);
        },
        2,
      );
      // The client is no director either, and its static entry is the stale one of a neighbour that was deceived.
      expect(seen).toEqual({ 'probe-arp@leaving': 'wrong', 'probe-traffic@arriving': 'wrong' });
    });
  });

  it('is content with a director’s traffic and ARP from the RIP, and cannot tell when nothing happens', async () => {
    await withNetwork(async (net) => {
      const agent = prepared(agentOn(net));
      const use = (): void => {
        net.rs.ip('neigh flush all');
        throughDirector(net);
      };
      expect(await watch(net, agent, use, 0)).toEqual({
        'probe-arp@leaving': 'good',
        'probe-traffic@arriving': 'good',
      });
      const quiet = await watch(net, agent, () => undefined, 1);
      expect(quiet['probe-traffic@arriving']).toBe('void');
    });
  });
});
