// Bond, VLAN, dummy, VRF, IPIP and localnode on a real kernel that has them: all in one guest, in namespaces inside.
// These are facts about the kernel that rsprep's checks rest on; each shows the leak first and the silence after.
import { beforeAll, describe, expect, it } from 'vitest';
import { segment, whoHas } from './support/inside.ts';
import { sharedGuest } from './support/shared.ts';
import type { Guest } from './support/uml.ts';

const VIP = '10.0.0.100';
const RIP = '10.0.0.11';

let guest: Guest;

beforeAll(async () => {
  guest = await sharedGuest();
}, 300_000);

/** In the real server's namespace. */
const rs = (script: string): Promise<string> => guest.ok(`set -e\n${script}`, { netns: 'rs' });
const arp = (device: string, ignore: number, announce: number): string =>
  `echo ${ignore} > /proc/sys/net/ipv4/conf/${device}/arp_ignore; echo ${announce} > /proc/sys/net/ipv4/conf/${device}/arp_announce`;

describe('bond', () => {
  beforeAll(async () => {
    await segment(guest, { ports: 2 });
    await rs(`
      ip link add bond0 type bond mode active-backup miimon 20 num_grat_arp 1
      ip link set p0 master bond0; ip link set p1 master bond0
      ip link set bond0 up
      ip address add ${RIP}/24 dev bond0
      ip address add ${VIP}/32 dev lo scope host`);
  });

  it('obeys the settings of the bond, not those of its members', async () => {
    await rs(`${arp('p0', 1, 2)}; ${arp('p1', 1, 2)}`);
    expect(await whoHas(guest, VIP)).not.toEqual([]);
    await rs(arp('bond0', 1, 2));
    expect(await whoHas(guest, VIP)).toEqual([]);
    expect(await whoHas(guest, RIP)).not.toEqual([]);
  });

  it('fails over when the active member loses its carrier, still silent about the VIP', async () => {
    const active = (): Promise<string> => rs('cat /sys/class/net/bond0/bonding/active_slave');
    const first = (await active()).trim();
    const sniffed = guest.sh('timeout 2 tcpdump -lnei eth0 arp 2>/dev/null', { netns: 'peer' });
    await guest.ok('sleep 0.5');
    await guest.ok(`ip -n lan link set ${first.replace('p', 'port')} down`);
    await expect.poll(async () => (await active()).trim()).not.toBe(first);
    expect(await guest.sh(`ping -c 3 -i 0.2 -W 1 ${RIP}`, { netns: 'peer' })).toMatchObject({ code: 0 });
    const seen = (await sniffed).stdout;
    expect(seen).toContain(RIP); // what the bond announces after the failover can be seen at all
    expect(seen).not.toContain(VIP);
  });
});

describe('VLAN', () => {
  const NIC = 'p0.100';
  beforeAll(async () => {
    await segment(guest, { ports: 1, vlan: 100 });
    await rs(`
      ip link set p0 up
      ip link add link p0 name ${NIC} type vlan id 100; ip link set ${NIC} up
      ip address add ${RIP}/24 dev ${NIC}
      ip address add ${VIP}/32 dev lo scope host`);
  });

  it('tagged questions meet the settings of the VLAN device, whose name has a dot', async () => {
    await rs(arp('p0', 1, 2));
    expect(await whoHas(guest, VIP, 'eth0.100')).not.toEqual([]);
    await rs(arp(NIC, 1, 2));
    expect(await whoHas(guest, VIP, 'eth0.100')).toEqual([]);
    expect(await whoHas(guest, RIP, 'eth0.100')).not.toEqual([]);
  });

  it('untagged questions meet the settings of the parent, though it has no address', async () => {
    await rs(arp('p0', 0, 0));
    await guest.ok('ip -n peer address add 10.0.0.51/24 dev eth0');
    expect(await whoHas(guest, VIP, 'eth0')).not.toEqual([]);
    await rs(arp('all', 1, 2));
    expect(await whoHas(guest, VIP, 'eth0')).toEqual([]);
  });
});

describe('dummy device', () => {
  it('has no ARP itself and still does not hide the VIP: the NIC answers for it', async () => {
    await segment(guest, { ports: 1 });
    await rs(`
      ip link set p0 up; ip address add ${RIP}/24 dev p0
      ip link add dummy0 type dummy; ip link set dummy0 up; ip address add ${VIP}/32 dev dummy0`);
    expect(await rs('ip link show dummy0')).toContain('NOARP');
    expect(await whoHas(guest, VIP)).not.toEqual([]);
    await rs(arp('all', 1, 2));
    expect(await whoHas(guest, VIP)).toEqual([]);
  });
});

describe('VRF', () => {
  it('follows the same rules: the NIC inside it answers unless told not to', async () => {
    await segment(guest, { ports: 1 });
    await rs(`
      ip link add red type vrf table 10; ip link set red up
      ip link set p0 master red; ip link set p0 up
      ip address add ${RIP}/24 dev p0; ip address add ${VIP}/32 dev red`);
    expect(await whoHas(guest, VIP)).not.toEqual([]);
    await rs(arp('p0', 1, 2));
    expect(await whoHas(guest, VIP)).toEqual([]);
  });
});

describe('IPIP', () => {
  it('a packet for the VIP inside one for the RIP is delivered and answered from the VIP once rp_filter lets it', async () => {
    await segment(guest, { ports: 1 });
    await rs(`
      ip link set p0 up; ip address add ${RIP}/24 dev p0
      ip link set tunl0 up; ip address add ${VIP}/32 dev lo scope host
      ${arp('all', 1, 2)}
      echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter`);
    await guest.ok(
      `ip link add tun type ipip remote ${RIP} local 10.0.0.50; ip link set tun up; ip route add ${VIP} dev tun src 10.0.0.50`,
      { netns: 'peer' },
    );
    const ping = async (): Promise<number> => (await guest.sh(`ping -c 2 -i 0.2 -W 1 ${VIP}`, { netns: 'peer' })).code;
    expect(await ping()).not.toBe(0);
    await rs('for d in all tunl0 p0; do echo 0 > /proc/sys/net/ipv4/conf/$d/rp_filter; done');
    expect(await ping()).toBe(0);
  });
});
