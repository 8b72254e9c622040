// Apply, one change by somebody else, verify names exactly that change, apply fixes it, remove: the host is as before.
import { describe, expect, it } from 'vitest';
import { ARP_KEYS, MANAGED } from '../../src/core/model/arp-settings.ts';
import { leakingValue } from '../support/leaking-value.ts';
import { type Network, VIP, VIP6, withNetwork } from '../support/netns.ts';
import { type Agent, agentOn, type Config, expectCode, plainConfig, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';

interface Case {
  readonly name: string;
  /** Part of the host before the first apply, and of the comparison at the end. */
  readonly prepare?: (net: Network) => void;
  readonly config?: Config;
  readonly change: (net: Network) => void;
  /** The one finding verify has to show. */
  readonly finding: string;
  /** It is worth knowing and no more: verify exits 0. */
  readonly advice?: true;
  readonly applyWith?: readonly string[];
  /** Takes away what the change left that rsprep has no business with (a new NIC). */
  readonly tidy?: (net: Network) => void;
}

const addVeth =
  (name: string) =>
  ({ rs }: Network): void =>
    rs.batch([
      `link add name ${name} type veth peer name peer9`,
      `link set ${name} addrgenmode none`,
      'link set peer9 addrgenmode none',
      `link set ${name} up`,
      'link set peer9 up',
    ]);

const addBridge =
  (name: string) =>
  ({ rs }: Network) =>
    rs.batch([`link add name ${name} type bridge`, `link set ${name} addrgenmode none`, `link set ${name} up`]);

const cases: readonly Case[] = [
  {
    name: 'the VIP deleted',
    change: ({ rs }) => rs.ip(`addr del ${VIP}/32 dev lo`),
    finding: `vip-missing@${VIP}`,
  },
  ...ARP_KEYS.map(
    (key): Case => ({
      name: `${key}=${leakingValue(key)} on all`,
      change: ({ rs }) => rs.arp('all', key, leakingValue(key)),
      finding: `${MANAGED[key].check.id}@all`,
    }),
  ),
  {
    name: 'arp_announce=1 on all',
    change: ({ rs }) => rs.arp('all', 'arp_announce', 1),
    finding: 'arp-announce@all',
  },
  {
    name: 'arp_ignore=3 on one NIC',
    change: ({ rs }) => rs.arp('eth0', 'arp_ignore', 3),
    finding: 'arp-ignore@eth0',
  },
  {
    name: 'arp_ignore=3 on a NIC whose name has a dot',
    prepare: addVeth('eth0.100'),
    change: ({ rs }) => rs.arp('eth0.100', 'arp_ignore', 3),
    finding: 'arp-ignore@eth0.100',
  },
  {
    name: 'a new NIC with its own arp_ignore',
    change: (net) => {
      addVeth('eth9')(net);
      net.rs.arp('eth9', 'arp_ignore', 8);
    },
    finding: 'arp-ignore@eth9',
    tidy: ({ rs }) => rs.ip('link del eth9'),
  },
  {
    name: 'a new NIC, named with a dot, with its own arp_announce',
    change: (net) => {
      addVeth('eth0.100')(net);
      net.rs.arp('eth0.100', 'arp_announce', 3);
    },
    finding: 'arp-announce@eth0.100',
    tidy: ({ rs }) => rs.ip('link del eth0.100'),
  },
  {
    name: 'VIP/24 beside VIP/32',
    change: ({ rs }) => rs.ip(`addr add ${VIP}/24 dev lo`),
    finding: `vip-prefix@${VIP}`,
  },
  {
    name: 'VIP/24 instead of VIP/32',
    change: ({ rs }) => rs.batch([`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/24 dev lo`]),
    finding: `vip-prefix@${VIP}`,
  },
  {
    name: 'the VIP also on a NIC',
    change: ({ rs }) => rs.ip(`addr add ${VIP}/24 dev eth0`),
    finding: `vip-on-nic@${VIP}`,
    applyWith: ['--take-from-nic'],
  },
  {
    name: 'the VIP moved to a NIC',
    change: ({ rs }) => rs.batch([`addr del ${VIP}/32 dev lo`, `addr add ${VIP}/32 dev eth0`]),
    finding: `vip-on-nic@${VIP}`,
    applyWith: ['--take-from-nic'],
  },
  {
    name: 'lo down',
    change: ({ rs }) => rs.ip('link set lo down'),
    finding: 'device-down@lo',
  },
  {
    name: 'an IPv6 VIP deleted',
    config: { version: 1, vips: [VIP, VIP6] },
    change: ({ rs }) => rs.ip(`addr del ${VIP6}/128 dev lo`),
    finding: `vip-missing@${VIP6}`,
  },
  {
    name: 'an IPv6 VIP preferred again',
    config: { version: 1, vips: [VIP6] },
    change: ({ rs }) => rs.ip(`addr change ${VIP6}/128 dev lo preferred_lft forever`),
    finding: `vip6-preferred@${VIP6}`,
    advice: true,
  },
  {
    // Beside /128 the kernel does not take it: one IPv6 address stands on a device once.
    name: 'an IPv6 VIP with /64 instead of /128',
    config: { version: 1, vips: [VIP6] },
    change: ({ rs }) => rs.batch([`addr del ${VIP6}/128 dev lo`, `addr add ${VIP6}/64 dev lo`]),
    finding: `vip-prefix@${VIP6}`,
  },
  {
    name: 'an IPv6 VIP also on a NIC',
    config: { version: 1, vips: [VIP6] },
    change: ({ rs }) => rs.ip(`addr add ${VIP6}/64 dev eth0 nodad`),
    finding: `vip-on-nic@${VIP6}`,
    applyWith: ['--take-from-nic'],
  },
  {
    name: 'the VIP deleted from another device than lo',
    prepare: addBridge('vip9'),
    config: { version: 1, vips: [{ address: VIP, device: 'vip9' }] },
    change: ({ rs }) => rs.ip(`addr del ${VIP}/32 dev vip9`),
    finding: `vip-missing@${VIP}`,
  },
  {
    name: 'the VIP deleted from a device whose name has a dot',
    prepare: addBridge('vip0.100'),
    config: { version: 1, vips: [{ address: VIP, device: 'vip0.100' }] },
    change: ({ rs }) => rs.ip(`addr del ${VIP}/32 dev vip0.100`),
    finding: `vip-missing@${VIP}`,
  },
  {
    name: 'the VIP with a wide prefix on another device than lo, the director in it',
    prepare: addBridge('vip9'),
    config: { version: 1, vips: [{ address: VIP, device: 'vip9' }] },
    change: ({ rs }) => rs.batch([`addr del ${VIP}/32 dev vip9`, `addr add ${VIP}/28 dev vip9`]),
    finding: `vip-prefix@${VIP}`,
  },
  {
    name: 'the device of the VIP set down',
    prepare: addBridge('vip9'),
    config: { version: 1, vips: [{ address: VIP, device: 'vip9' }] },
    change: ({ rs }) => rs.ip('link set vip9 down'),
    finding: 'device-down@vip9',
  },
];

describe('apply, a change by hand, verify, apply, remove', () => {
  for (const given of cases) it(given.name, () => roundTrip(given));

  it('restores the sysctls of a host that had values of its own', async () => {
    await withNetwork((net) => {
      net.rs.arp('all', 'arp_announce', 1);
      net.rs.arp('default', 'arp_ignore', 5);
      net.rs.arp('eth0', 'arp_ignore', 4);
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
      expectCode(removeAll(agent), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('leaves a value alone that somebody else changed after apply', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      net.rs.arp('all', 'arp_ignore', 2);
      expectCode(removeAll(agent), 0);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(2);
      expect(net.rs.arp('all', 'arp_announce')).toBe(0);
    });
  });

  it('leaves foreign addresses alone, on lo and with the same label prefix', async () => {
    await withNetwork((net) => {
      net.rs.batch(['addr add 192.0.2.77/32 dev lo label lo:1', 'addr add 2001:db8::77/128 dev lo']);
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      expectCode(removeAll(agent), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('changes nothing at all on the second apply', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { version: 1, vips: [VIP, VIP6] });
      expectCode(agent.run('apply'), 0);
      const state = snapshot(net.rs);
      const files = listing(agent);
      expectCode(agent.run('apply'), 0);
      expect(snapshot(net.rs)).toEqual(state);
      expect(listing(agent)).toEqual(files);
    });
  });

  it('changes nothing by plan and apply --dry-run', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const state = snapshot(net.rs);
      const files = listing(agent);
      expectCode(agent.run('plan'), 0);
      expectCode(agent.run('plan', '--exit-code'), 2);
      expectCode(agent.run('apply', '--dry-run'), 0);
      expect(snapshot(net.rs)).toEqual(state);
      expect(listing(agent)).toEqual(files);
    });
  });
});

async function roundTrip(given: Case): Promise<void> {
  await withNetwork((net) => {
    given.prepare?.(net);
    const agent = agentOn(net, net.rs, given.config ?? plainConfig);
    const before = snapshot(net.rs);

    expectCode(agent.run('apply'), 0);
    expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });

    given.change(net);
    expect(verifyIds(agent)).toEqual({ code: given.advice ? 0 : 2, ids: [given.finding] });

    expectCode(agent.run('apply', ...(given.applyWith ?? [])), 0);
    expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });

    given.tidy?.(net);
    expectCode(removeAll(agent), 0);
    expect(snapshot(net.rs)).toEqual(before);
  });
}

const removeAll = (agent: Agent) => agent.run('remove');

/**
 * Every file that outlives a boot, with inode, size and times: an apply with nothing to do writes nothing, not even the same.
 * (The lock in /run notes its holder.)
 */
function listing(agent: Agent): string {
  return agent.host.must(['find', agent.file('etc'), agent.file('var'), '-printf', '%P %i %s %m %T@\\n']);
}
