// `probe self` says of a host what its peers see of it, on random states. RSPREP_TEST_SEED brings a run back,
// RSPREP_PROBE_STATES makes it longer (60 unless given).
import { describe, expect, it } from 'vitest';
import { type Host, type Network, RIP, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { pickSeed, seeded } from '../../support/random.ts';
import { agentOn, expectCode } from '../../support/rsprep.ts';
import { startLoad } from '../../support/tools.ts';
import { enter, PORT, RIP1, randomState, type State } from './random-state.ts';
import { outcomes } from './support.ts';

const STATES = Number(process.env.RSPREP_PROBE_STATES ?? 60);
const CHUNK = 15;
const CONFIG = {
  version: 1,
  rip: RIP,
  vips: [{ address: VIP, services: [{ port: `udp/${PORT}`, probe: { send: '6869', expect: '6869' } }] }, VIP6],
};

interface Interface {
  readonly vip: boolean;
  readonly rip: boolean;
}

interface PeersView {
  readonly eth0: Interface;
  readonly eth1: Interface;
  readonly vip6: boolean;
  readonly service: 'vip' | 'other' | 'silence';
}

/** ARP answers as a peer hears them, asked from its own address and, as duplicate detection does, from 0.0.0.0. */
async function hears(peer: Host, device: string, ip: string): Promise<boolean> {
  const ask = async (...flags: readonly string[]): Promise<boolean> =>
    (await peer.start(['arping', ...flags, '-c', '2', '-w', '1', '-I', device, ip]).done).stdout.includes('reply from');
  const [plain, probe] = await Promise.all([ask(), ask('-D')]);
  return plain || probe;
}

async function resolves6(peer: Host): Promise<boolean> {
  peer.must(['sh', '-c', 'echo 150 >/proc/sys/net/ipv6/neigh/eth0/retrans_time_ms']);
  peer.run(['bash', '-c', `echo hi >/dev/udp/${VIP6}/9`]);
  await expect.poll(() => peer.ip(`-6 neigh show to ${VIP6} dev eth0`), { timeout: 5000 }).toMatch(/lladdr|FAILED/);
  return peer.ip(`-6 neigh show to ${VIP6} dev eth0`).includes('lladdr');
}

async function peersView(net: Network, state: State): Promise<PeersView> {
  const load = startLoad(net, { port: PORT, ratePerS: 20, seconds: 1 });
  const [vip0, rip0, vip1, rip1, vip6] = await Promise.all([
    hears(net.director, 'eth0', VIP),
    hears(net.director, 'eth0', RIP),
    hears(net.client, 'eth1', VIP),
    state.secondAddress ? hears(net.client, 'eth1', RIP1) : false,
    resolves6(net.director),
  ]);
  const { answered, wrongSource } = await (await load).stop();
  return {
    eth0: { vip: vip0, rip: rip0 },
    eth1: { vip: vip1, rip: rip1 },
    vip6,
    service: answered > 0 ? 'vip' : wrongSource > 0 ? 'other' : 'silence',
  };
}

/** Where the probe and the peers differ. Void is right only where its control must fail, too. */
function disagreements(state: State, seen: Readonly<Record<string, string>>, peers: PeersView): readonly string[] {
  const differ: string[] = [];
  const want = (id: string, ...allowed: readonly string[]): void => {
    if (!allowed.includes(seen[id] ?? 'absent'))
      differ.push(`${id} is ${seen[id]}, peers want ${allowed.join(' or ')}`);
  };
  for (const nic of ['eth0', 'eth1'] as const) {
    const { vip, rip } = peers[nic];
    const numbered = nic === 'eth0' || state.secondAddress;
    if (vip) want(`probe-arp@${nic}`, 'wrong');
    else if (state.vipOn.length === 0 || (numbered && !rip)) want(`probe-arp@${nic}`, 'void');
    else want(`probe-arp@${nic}`, 'good');
  }
  want('probe-ndp@eth0', peers.vip6 ? 'wrong' : state.vip6On.length === 0 ? 'void' : 'good');
  const service = `${VIP}/udp/${PORT}`;
  if (peers.service === 'vip') want(`probe-service@${service}`, 'good');
  else want(`probe-service@${service}`, 'wrong');
  if (peers.service === 'vip') want(`probe-udp-source@${service}`, 'good');
  else if (peers.service === 'other') want(`probe-udp-source@${service}`, 'wrong');
  else want(`probe-udp-source@${service}`, 'void');
  return differ;
}

describe(`probe self and its peers, ${STATES} random states`, () => {
  const seed = pickSeed();
  const counts: Record<string, number> = {};
  for (let first = 0; first < STATES; first += CHUNK) {
    const last = Math.min(first + CHUNK, STATES);
    it(`agree on states ${first} to ${last - 1} (RSPREP_TEST_SEED=${seed})`, { timeout: 400_000 }, async () => {
      const differ: string[] = [];
      for (let index = first; index < last; index += 1) {
        const state = randomState(seeded(seed + index));
        await withNetwork(async (net) => {
          await enter(net, state);
          const agent = agentOn(net, net.rs, CONFIG);
          // At once: the peers mostly wait for answers that do not come.
          const probe = agent.start({}, 'probe', 'self', '--format', 'json').done;
          const [peers, outcome] = await Promise.all([peersView(net, state), probe]);
          const seen = outcomes(expectCode(outcome, 0, 1, 2));
          for (const [id, outcome] of Object.entries(seen)) {
            const kind = `${id.split('@')[0]} ${outcome}`;
            counts[kind] = (counts[kind] ?? 0) + 1;
          }
          const here = disagreements(state, seen, peers);
          if (here.length > 0)
            differ.push(`state ${index}: ${here.join('; ')}\n  ${JSON.stringify({ state, peers, seen })}`);
        });
      }
      expect(differ).toEqual([]);
      if (last === STATES) console.info(`outcomes: ${JSON.stringify(counts)}`);
    });
  }
});
