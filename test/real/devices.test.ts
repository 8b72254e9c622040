// rsprep on bonds, VLANs, dummy devices and VRFs: prepared, changed by somebody else, fixed, removed.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentIn, type GuestAgent } from './support/guest-agent.ts';
import { segment, whoHas } from './support/inside.ts';
import { sharedGuest } from './support/shared.ts';
import type { Guest } from './support/uml.ts';

const VIP = '10.0.0.100';
const RIP = '10.0.0.11';

let guest: Guest;
let agent: GuestAgent;

beforeAll(async () => {
  guest = await sharedGuest();
  agent = agentIn(guest, { netns: 'rs', root: '/run/rsprep-root' });
}, 300_000);
beforeEach(() => guest.ok('rm -rf /run/rsprep-root').then(() => undefined));

const rs = (script: string): Promise<string> => guest.ok(`set -e\n${script}`, { netns: 'rs' });
const setArp = (device: string, key: string, value: number): Promise<string> =>
  rs(`echo ${value} > /proc/sys/net/ipv4/conf/${device}/${key}`);
/** Addresses, routes and every ARP setting, as text; without link-local ones, which come when the kernel pleases. */
const state = (): Promise<string> =>
  rs(
    '{ ip -o address | sed "s/ valid_lft.*//"; ip route show table all | sort; } | grep -v fe80:; cd /proc/sys/net/ipv4/conf; grep . */arp_ignore */arp_announce',
  );

async function silentButReachable(device?: string): Promise<void> {
  const [vip, rip] = await Promise.all([whoHas(guest, VIP, device), whoHas(guest, RIP, device)]);
  expect({ vip, rip: rip.length > 0 }).toEqual({ vip: [], rip: true });
}

/** Applies, lets `drift` happen, fixes, removes: the host ends as it began. */
async function wholeLife(options: {
  readonly drift: { readonly device: string; readonly findings: readonly string[] };
  readonly peerDevice?: string;
}): Promise<void> {
  const before = await state();
  await agent.run('apply');
  await silentButReachable(options.peerDevice);
  expect(await agent.verify()).toEqual({ code: 0, ids: [] });

  await setArp(options.drift.device, 'arp_ignore', 4);
  expect(await whoHas(guest, VIP, options.peerDevice)).not.toEqual([]); // the drift is a real leak
  const { code, ids } = await agent.verify();
  expect(code).toBe(2);
  expect(ids).toEqual(options.drift.findings);
  await agent.run('apply');
  await silentButReachable(options.peerDevice);

  await agent.run('remove');
  expect(await state()).toBe(before);
}

describe('a bond', () => {
  beforeEach(async () => {
    await segment(guest, { ports: 2 });
    await rs(`
      ip link add bond0 type bond mode active-backup miimon 20
      ip link set p0 master bond0; ip link set p1 master bond0
      ip link set bond0 up
      ip address add ${RIP}/24 dev bond0`);
    await agent.configure({ vips: [VIP] });
  });

  it('is prepared, fixed and restored', () =>
    wholeLife({ drift: { device: 'bond0', findings: ['arp-ignore@bond0'] } }));

  it('stays silent over a failover, and serves', async () => {
    await agent.run('apply');
    const active = (await rs('cat /sys/class/net/bond0/bonding/active_slave')).trim();
    await guest.ok(`ip -n lan link set ${active.replace('p', 'port')} down`);
    await expect.poll(() => rs('cat /sys/class/net/bond0/bonding/active_slave')).not.toContain(active);
    await silentButReachable();
    await guest.ok(`ip route add ${VIP} via ${RIP}; ping -c 1 -W 1 ${VIP}`, { netns: 'peer' });
    expect(await agent.verify()).toEqual({ code: 0, ids: [] });
  });
});

describe('a VLAN device, whose name has a dot', () => {
  beforeEach(async () => {
    await segment(guest, { ports: 1, vlan: 100 });
    await rs(`
      ip link set p0 up
      ip link add link p0 name p0.100 type vlan id 100; ip link set p0.100 up
      ip address add ${RIP}/24 dev p0.100`);
    await agent.configure({ vips: [VIP] });
  });

  it('is prepared, fixed and restored', () =>
    wholeLife({ drift: { device: 'p0.100', findings: ['arp-ignore@p0.100'] }, peerDevice: 'eth0.100' }));

  it('has its own setting persisted in a form that sysctl(8) reads', async () => {
    await setArp('p0.100', 'arp_ignore', 4);
    await agent.run('apply');
    await setArp('all', 'arp_ignore', 0);
    await setArp('p0.100', 'arp_ignore', 0);
    expect(await whoHas(guest, VIP, 'eth0.100')).not.toEqual([]);
    const said = await guest.sh('sysctl -qp /run/rsprep-root/etc/sysctl.d/99-zz-rsprep.conf', { netns: 'rs' });
    expect(said).toEqual({ code: 0, stdout: '', stderr: '' });
    await silentButReachable('eth0.100');
  });
});

describe('a dummy device that holds the VIP', () => {
  it('is prepared, fixed and restored', async () => {
    await segment(guest, { ports: 1 });
    await rs(
      `ip link set p0 up; ip address add ${RIP}/24 dev p0; ip link add dummy0 type dummy; ip link set dummy0 up`,
    );
    await agent.configure({ vips: [{ address: VIP, device: 'dummy0' }] });
    await wholeLife({ drift: { device: 'p0', findings: ['arp-ignore@p0'] } });
  });

  it('is taken over from someone who put the VIP there without ARP settings', async () => {
    await segment(guest, { ports: 1 });
    await rs(`
      ip link set p0 up; ip address add ${RIP}/24 dev p0
      ip link add dummy0 type dummy; ip link set dummy0 up; ip address add ${VIP}/32 dev dummy0`);
    await agent.configure({ vips: [{ address: VIP, device: 'dummy0' }] });
    expect(await whoHas(guest, VIP)).not.toEqual([]);
    await agent.run('apply');
    await silentButReachable();
    expect(await rs(`ip -o address show | grep -c ${VIP}`)).toBe('1\n');
  });
});

describe('a NIC in a VRF, the VIP on the VRF device', () => {
  it('is prepared, fixed and restored', async () => {
    await segment(guest, { ports: 1 });
    await rs(`
      ip link add red type vrf table 10; ip link set red up
      ip link set p0 master red; ip link set p0 up
      ip address add ${RIP}/24 dev p0`);
    await agent.configure({ vips: [{ address: VIP, device: 'red' }] });
    await wholeLife({ drift: { device: 'p0', findings: ['arp-ignore@p0'] } });
  });
});

describe('IPIP mode: the VIP on tunl0, the director wraps its packets', () => {
  it('serves, says when rp_filter drops them, serves again after the fix it names, and is restored', async () => {
    await segment(guest, { ports: 1 });
    await rs(
      `ip link set p0 up; ip address add ${RIP}/24 dev p0; ip link set tunl0 up; ip route add default via 10.0.0.50`,
    );
    await guest.ok(
      `ip link add tun type ipip remote ${RIP} local 10.0.0.50; ip link set tun up; ip route add ${VIP} dev tun src 10.0.0.50`,
      { netns: 'peer' },
    );
    const served = async (): Promise<boolean> =>
      (await guest.sh(`ping -c 2 -i 0.2 -W 1 ${VIP}`, { netns: 'peer' })).code === 0;
    await agent.configure({ vips: [{ address: VIP, device: 'tunl0' }], directors: ['10.0.0.2'] });
    const before = await state();

    await agent.run('apply');
    await silentButReachable();
    expect(await served()).toBe(true);
    await rs('echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter');
    expect(await served()).toBe(false);
    expect(await agent.verify()).toEqual({ code: 2, ids: ['rp-filter@tunl0'] });
    await rs('echo 2 > /proc/sys/net/ipv4/conf/tunl0/rp_filter');
    expect(await served()).toBe(true);
    expect(await agent.verify()).toEqual({ code: 0, ids: [] });

    await agent.run('remove');
    expect(await state()).toBe(before);
  });
});
