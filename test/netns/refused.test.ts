// What apply and remove refuse before anything changes, and what they say to do instead.
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Fault, under } from '../support/faults.ts';
import { CLIENT, type Host, RIP, VIP, VIP6, withNetwork } from '../support/netns.ts';
import type { Outcome } from '../support/process.ts';
import { type Agent, agentOn, type Config, expectCode, findingsOf, parseReport, verifyIds } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { addVeth } from './checks/support.ts';

const said = ({ stdout, stderr }: Outcome): string => stdout + stderr;

interface Refusal {
  readonly name: string;
  readonly prepare?: (rs: Host) => void;
  readonly config?: Config;
  readonly words?: readonly string[];
  readonly code: string;
  readonly says: RegExp;
}

const refusals: readonly Refusal[] = [
  {
    name: 'a VIP that is this host’s own address',
    config: { version: 1, vips: [RIP] },
    code: 'own-address',
    says: /10\.0\.0\.11.*eth0/,
  },
  {
    name: 'an IPv6 VIP that is this host’s own address',
    config: { version: 1, vips: ['fd00::11'] },
    code: 'own-address',
    says: /fd00::11.*eth0/,
  },
  {
    name: 'a VIP that is the default gateway',
    config: { version: 1, vips: [CLIENT] },
    code: 'next-hop',
    says: /10\.0\.0\.50.*next hop/,
  },
  {
    name: 'a VIP that is the next hop of a route in another table',
    prepare: (rs) => rs.batch(['route add 192.0.2.0/24 via 10.0.0.77 table 42']),
    config: { version: 1, vips: ['10.0.0.77'] },
    code: 'next-hop',
    says: /10\.0\.0\.77/,
  },
  {
    name: 'an IPv6 VIP that is the default gateway',
    config: { version: 1, vips: ['fd00::50'] },
    code: 'next-hop',
    says: /fd00::50/,
  },
  {
    name: 'a device that is not there',
    config: { version: 1, vips: [{ address: VIP, device: 'vip7' }] },
    code: 'no-device',
    says: /vip7/,
  },
  {
    name: 'a device that is a NIC',
    config: { version: 1, vips: [{ address: VIP, device: 'eth0' }] },
    code: 'device-is-nic',
    says: /eth0/,
  },
  {
    name: 'a device that is a NIC without an address',
    prepare: (rs) => addVeth(rs, 'eth9'),
    config: { version: 1, vips: [VIP, { address: VIP6, device: 'eth9' }] },
    code: 'device-is-nic',
    says: /eth9/,
  },
  {
    name: 'a device that is a bridge with a port',
    prepare: (rs) => {
      addVeth(rs, 'eth9');
      rs.batch(['link add name br9 type bridge', 'link set eth9 master br9']);
    },
    config: { version: 1, vips: [{ address: VIP, device: 'br9' }] },
    code: 'device-is-nic',
    says: /br9/,
  },
  {
    name: 'taking the VIP off a NIC whose routes would go with its last address',
    prepare: (rs) => {
      addVeth(rs, 'eth9');
      rs.batch(['addr add 203.0.113.10/32 dev eth9', 'route add 198.51.100.0/24 dev eth9 table 50']);
    },
    config: { version: 1, vips: ['203.0.113.10'], rip: RIP },
    words: ['--take-from-nic'],
    code: 'drags-route',
    says: /eth9.*198\.51\.100\.0\/24 \(table 50\)/s,
  },
  {
    name: 'taking the VIP off a NIC whose subnet would go with it, a director in it',
    prepare: (rs) => {
      addVeth(rs, 'eth9');
      rs.batch(['addr add 203.0.113.11/32 dev eth9', 'addr add 203.0.113.10/24 dev eth9']);
    },
    config: { version: 1, vips: ['203.0.113.10'], rip: RIP, directors: ['203.0.113.2'] },
    words: ['--take-from-nic'],
    code: 'drags-subnet',
    says: /203\.0\.113\.2 is/,
  },
  {
    name: 'taking the VIP off a NIC where it is the primary of a foreign address',
    prepare: (rs) =>
      rs.batch([
        'link add name eth1 type bridge',
        'link set eth1 addrgenmode none',
        'link set eth1 up',
        `addr add ${VIP}/24 dev eth1`,
        'addr add 10.0.0.222/24 dev eth1',
      ]),
    config: { version: 1, vips: [VIP], rip: RIP },
    words: ['--take-from-nic'],
    code: 'drags-secondaries',
    says: /10\.0\.0\.222.*promote_secondaries/s,
  },
];

describe('apply refuses, and changes nothing', () => {
  for (const refusal of refusals) it(refusal.name, () => refused(refusal));

  it('without --take-from-nic it leaves a VIP on a NIC alone, and says which option takes it off', async () => {
    await withNetwork((net) => {
      net.rs.ip(`addr add ${VIP}/24 dev eth0`);
      const agent = agentOn(net);
      const outcome = expectCode(agent.run('apply'), 2);
      expect(said(outcome)).toContain('--take-from-nic');
      expect(net.rs.ip('-o addr show dev eth0')).toContain(`${VIP}/24`);
      // It protects what it can meanwhile.
      expect(net.rs.arp('all', 'arp_ignore')).toBe(1);
    });
  });
});

async function refused({ prepare, config, words, code, says }: Refusal): Promise<void> {
  await withNetwork((net) => {
    prepare?.(net.rs);
    const agent = agentOn(net, net.rs, config);
    const before = snapshot(net.rs);
    const files = agent.host.must(['find', agent.file('etc'), agent.file('var'), '-printf', '%P %i %s %T@\\n']);
    const outcome = expectCode(agent.run('apply', ...(words ?? []), '--format', 'json'), 78);
    expect(parseReport(outcome).refusals).toMatchObject([
      { code, message: expect.any(String), next: expect.any(String) },
    ]);
    expect(outcome.stdout).toMatch(says);
    expect(snapshot(net.rs)).toEqual(before);
    expect(agent.host.must(['find', agent.file('etc'), agent.file('var'), '-printf', '%P %i %s %T@\\n'])).toBe(files);
  });
}

describe('what deletion drags along', () => {
  it('a default route whose source is the VIP survives --take-from-nic', async () => {
    await withNetwork((net) => {
      net.rs.batch([`addr add ${VIP}/24 dev eth0`, `route replace default via 10.0.0.50 src ${VIP}`]);
      const agent = agentOn(net);
      const outcome = expectCode(agent.run('apply', '--take-from-nic', '--format', 'json'), 2);
      // Left to its owner, who has to say which source it should have.
      expect(findingsOf(outcome).map(({ id }) => id)).toEqual([`vip-as-source@${VIP}`]);
      expect(net.rs.ip('route show default')).toContain('via 10.0.0.50');
      expect(net.rs.ip('-o addr show dev eth0')).not.toContain(VIP);
    });
  });

  it('remove does not delete a VIP that is the source of a route: the route would go too', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      net.rs.ip(`route replace default via 10.0.0.50 src ${VIP}`);
      const outcome = agent.run('remove');
      expect(net.rs.ip('route show default')).toContain('via 10.0.0.50');
      expect(outcome.code).not.toBe(0);
      expect(said(outcome)).toMatch(/route/);
      net.rs.ip('route replace default via 10.0.0.50');
      expectCode(agent.run('remove'), 0);
    });
  });

  it.each([
    ['on a tun device', ['tuntap add mode tun tt0', 'link set tt0 up', `addr add ${VIP}/32 dev tt0`]],
    ['by a route of its own', [`route add local ${VIP}/32 dev lo table local metric 5`]],
    ['by a wide local route', ['route add local 10.0.0.96/28 dev lo table local']],
  ])('remove keeps the VIP silent that is local %s', async (_how, commands) => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      for (const command of commands) net.rs.ip(command);
      expect(said(expectCode(agent.run('remove'), 0))).toContain('so do the ARP settings that keep it silent');
      expect(net.rs.arp('all', 'arp_ignore')).toBe(1);
    });
  });

  it('an unconfirmed apply that is taken back keeps it silent, too', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply', '--confirm', '60'), 0);
      net.rs.batch(['link add name br9 type bridge', 'link set br9 up', `addr add ${VIP}/32 dev br9`]);
      expect(said(expectCode(agent.run('confirm', '--revert'), 0))).toContain(
        `${VIP}/32 on br9 was not added by rsprep: it stays, and so do the ARP settings that keep it silent`,
      );
      expect(net.rs.ip('addr show dev lo')).not.toContain(VIP);
      expect(net.rs.arp('all', 'arp_ignore')).toBe(1);
    });
  });

  it('remove refuses while a proxy would answer for the VIP, unless told to', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      addVeth(net.rs, 'eth1');
      net.rs.batch(['addr add 192.168.5.11/24 dev eth1', `addr del ${RIP}/24 dev eth0`, `addr add ${RIP}/28 dev eth0`]);
      net.rs.ip('route replace default via 192.168.5.1');
      net.rs.arp('eth0', 'proxy_arp', 1);
      net.rs.arp('eth0', 'forwarding', 1);
      expect(said(expectCode(agent.run('remove'), 78))).toMatch(/as a proxy.*proxy_arp on eth0/s);
      expect(net.rs.ip('addr show dev lo')).toContain(VIP);
      expectCode(agent.run('remove', '--force'), 0);
    });
  });

  it('remove refuses while a connection to the VIP is established, and cuts it with --force', async () => {
    await withNetwork(async (net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      const serve = `require('net').createServer((s) => s.on('error', () => {})).listen(8080, () => console.log('up'))`;
      const connect = `require('net').connect(8080, '${VIP}', () => console.log('up')).on('error', () => {})`;
      const server = net.rs.start(['node', '-e', serve]);
      await new Promise<void>((resolve) => server.child.stdout?.on('data', () => resolve()));
      const client = net.client.start(['node', '-e', connect]);
      await new Promise<void>((resolve) => client.child.stdout?.on('data', () => resolve()));
      net.onEnd(() => {
        server.child.kill('SIGKILL');
        client.child.kill('SIGKILL');
      });
      const kept = snapshot(net.rs);
      const outcome = expectCode(agent.run('remove'), 1);
      expect(said(outcome)).toMatch(/established.*--force/s);
      expect(snapshot(net.rs)).toEqual(kept);
      expectCode(agent.run('remove', '--force'), 0);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

describe('a process that may not', () => {
  const cases: readonly { name: string; wrap: (agent: Agent) => readonly string[]; says: RegExp }[] = [
    {
      name: 'root without CAP_NET_ADMIN',
      wrap: () => ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'],
      says: /CAP_NET_ADMIN/,
    },
    { name: 'read-only /proc/sys', wrap: () => under(procReadOnly, []), says: /read-only.*container/s },
  ];
  it.each(cases)('$name: 77, and nothing changes', async ({ wrap, says }) => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { version: 1, vips: [VIP, VIP6] });
      const before = snapshot(net.rs);
      const outcome = expectCode(net.rs.run([...wrap(agent), ...agent.argv('apply')]), 77);
      expect(said(outcome)).toMatch(says);
      expect(snapshot(net.rs)).toEqual(before);
      expectCode(agent.run('apply'), 0);
      const applied = snapshot(net.rs);
      expectCode(net.rs.run([...wrap(agent), ...agent.argv('remove')]), 77);
      expect(snapshot(net.rs)).toEqual(applied);
      // Looking needs none of it.
      expectCode(net.rs.run([...wrap(agent), ...agent.argv('verify')]), 0);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });

  it('an ip(8) that is too old: says which version is needed', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      const outcome = net.rs.run(under(oldIp(agent), agent.argv('apply')));
      expect(outcome.code).toBe(1);
      expect(said(outcome)).toMatch(/4\.18/);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

const procReadOnly: Fault = ['mount --bind /proc/sys /proc/sys', 'mount -o remount,bind,ro /proc/sys'];

/** Speaks JSON all the same, as distributions that backported it do not: the version alone decides. */
function oldIp(agent: Agent): Fault {
  const fake = agent.file('old-ip');
  return [
    `cp /bin/ip ${agent.file('real-ip')}`,
    `printf '#!/bin/sh\\n[ "$1" = -V ] && { echo "ip utility, iproute2-ss170501"; exit 0; }\\nexec ${agent.file('real-ip')} "$@"\\n' > ${fake}`,
    `chmod 755 ${fake}`,
    `mount --bind ${fake} /bin/ip`,
  ];
}

describe('overrides', () => {
  it('hold keeps the boot unit off; apply by a person lifts it; remove leaves one behind', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const before = snapshot(net.rs);
      expectCode(agent.run('hold', '--reason', 'debugging', '--for', '2h'), 0);
      expect(said(expectCode(agent.run('apply', '--boot'), 0))).toContain('debugging');
      expect(snapshot(net.rs)).toEqual(before);

      expect(said(expectCode(agent.run('apply'), 0))).toMatch(/hold.*lifted/);
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });

      expectCode(agent.run('remove', '--reason', 'new disk'), 0);
      expect(said(expectCode(agent.run('apply', '--boot'), 0))).toContain('new disk');
      expect(snapshot(net.rs)).toEqual(before);
      expect(said(agent.run('status'))).toMatch(/hold.*new disk/i);
    });
  });

  it('neither boot nor heal does anything while nobody can tell whether the host is held', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      expectCode(agent.run('hold', '--reason', 'debugging'), 0);
      net.rs.ip(`addr del ${VIP}/32 dev lo`);
      writeFileSync(agent.file('var/lib/rsprep/overrides.json'), 'not JSON');
      for (const words of [['--boot'], ['--heal']])
        expect(said(expectCode(agent.run('apply', ...words), 1))).toContain('cannot tell whether this host is held');
      expect(net.rs.ip('addr show dev lo')).not.toContain(VIP);
      expectCode(agent.run('resume'), 0);
      expectCode(agent.run('apply', '--heal'), 0);
      expect(net.rs.ip('addr show dev lo')).toContain(VIP);
    });
  });

  it('a hold stands until an apply --confirm is confirmed, and after it was taken back', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('hold', '--reason', 'debugging'), 0);
      expect(said(expectCode(agent.run('apply', '--confirm', '60'), 0))).toContain('stays held until');
      expect(said(agent.run('status'))).toMatch(/hold.*debugging/i);
      expectCode(agent.run('confirm', '--revert'), 0);
      expect(said(agent.run('status'))).toMatch(/hold.*debugging/i);
      expectCode(agent.run('apply', '--confirm', '60'), 0);
      expect(said(expectCode(agent.run('confirm'), 0))).toMatch(/hold.*lifted/);
      expect(said(agent.run('status'))).toContain('override   none');
    });
  });

  it('drain and vouch are shown by verify and status, and end with resume', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      expectCode(agent.run('drain', '--reason', 'kernel update'), 0);
      expectCode(agent.run('vouch', '--reason', 'false alarm', '--for', '1h'), 0);
      for (const word of ['verify', 'status']) {
        const text = said(expectCode(agent.run(word), 0));
        expect(text).toContain('kernel update');
        expect(text).toContain('false alarm');
      }
      expectCode(agent.run('resume', 'drain'), 0);
      expect(said(agent.run('status'))).not.toContain('kernel update');
      expectCode(agent.run('resume'), 0);
      expect(said(agent.run('status'))).not.toContain('false alarm');
    });
  });

  it('a VIP that left the configuration is reported, and goes only with --prune', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, { version: 1, vips: [VIP, '10.0.0.101'] });
      expectCode(agent.run('apply'), 0);
      agent.configure({ version: 1, vips: [VIP] });
      const { code, ids } = verifyIds(agent);
      expect(code).toBe(3);
      expect(ids).toContain('vip-stale@10.0.0.101');
      agent.run('apply');
      expect(net.rs.ip('-o addr show dev lo')).toContain('10.0.0.101/32');
      expectCode(agent.run('apply', '--prune'), 0);
      expect(net.rs.ip('-o addr show dev lo')).not.toContain('10.0.0.101/32');
      expect(verifyIds(agent)).toEqual({ code: 0, ids: [] });
    });
  });
});
