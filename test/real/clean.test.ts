// A prepared host of each layout that namespaces on the host's kernel cannot have gives no finding at all, advice included, with
// every check: services, default route and director, both families, files of other tools, the boot unit.
// (Single NICs, bridges, containers and macvlan: ../netns/checks/clean.test.ts.)
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tool } from '../support/tools.ts';
import { agentIn, type GuestAgent } from './support/guest-agent.ts';
import { segment, whoHas } from './support/inside.ts';
import { sharedGuest } from './support/shared.ts';
import type { Guest } from './support/uml.ts';

const [VIP, VIP6] = ['10.0.0.100', 'fd00::100'];
const [RIP, RIP6] = ['10.0.0.11/24', 'fd00::11/64'];
const ROOT = '/run/rsprep-root';

let guest: Guest;
let agent: GuestAgent;

beforeAll(async () => {
  guest = await sharedGuest();
  agent = agentIn(guest, { netns: 'rs', root: ROOT });
}, 300_000);
afterAll(() => guest?.sh(STOP_SERVING));

const rs = (script: string): Promise<string> => guest.ok(`set -e\n${script}`, { netns: 'rs', timeoutMs: 120_000 });

/** On the VIPs and on the host's own addresses, so that a director's check of RIP:PORT is answered as well. */
const SERVICE = `
const [v4, v6] = [['${VIP}', '${RIP}'], ['${VIP6}', '${RIP6}']].map((pair) => pair.map((a) => a.split('/')[0]));
const udp = process.argv[3] === 'tcp' ? [] : [...v4, ...(process.argv[2] === '6' ? v6 : [])];
let left = 1 + udp.filter((address) => v4.includes(address)).length;
const ready = () => { left -= 1; if (left === 0) require('node:fs').writeFileSync('/run/serving', ''); };
require('node:net').createServer((s) => { s.on('error', () => {}); s.on('data', (d) => s.write(d)); }).listen(8080, '::', ready);
for (const address of udp) {
  const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (m, r) => socket.send(m, r.port, r.address));
  socket.bind(5353, address, v4.includes(address) ? ready : () => {});
}`;

const STOP_SERVING =
  'rm -f /run/serving; pkill -f udpecho; [ ! -e /run/serving.pid ] || kill "$(cat /run/serving.pid)"; rm -f /run/serving.pid';

async function serve(families: '4' | '6', vrf?: string): Promise<void> {
  await guest.sh(STOP_SERVING);
  const start = 'nohup setsid ip netns exec rs';
  const detached = '>/dev/null 2>&1 </dev/null &';
  // In a VRF only a socket that is bound to it may have the VIP's address; Node has no option for that.
  const inVrf = vrf === undefined ? [] : [VIP, VIP6, RIP, RIP6].map((address) => address.split('/')[0]);
  if (vrf !== undefined) copyFileSync(tool('udpecho'), join(guest.share, 'udpecho'));
  await guest.ok(
    `cat >/run/service.cjs <<'END'\n${SERVICE}\nEND
${start} /opt/node/node /run/service.cjs ${families} ${vrf === undefined ? 'both' : 'tcp'} ${detached} echo $! >/run/serving.pid
${inVrf.map((address) => `${start} sh -c 'sleep 100000 | /share/udpecho --bind ${address} --device ${vrf}' ${detached}`).join('\n')}`,
  );
  await guest.ok('for i in $(seq 300); do [ ! -e /run/serving ] || exit 0; sleep 0.1; done; exit 1', {
    timeoutMs: 120_000,
  });
  if (vrf !== undefined) {
    await guest.ok('for i in $(seq 300); do [ "$(pgrep -c udpecho)" -lt 4 ] || exit 0; sleep 0.1; done; exit 1', {
      timeoutMs: 120_000,
    });
  }
}

/** What a host of that kind has in its files: its own addresses, never the VIPs. */
const files = (device: string): string => `
  rm -rf ${ROOT}; mkdir -p ${ROOT}; cd ${ROOT}
  mkdir -p etc/network etc/netplan etc/systemd/network etc/systemd/system/multi-user.target.wants usr/lib/rsprep usr/lib/sysctl.d usr/bin run
  printf 'auto lo\\niface lo inet loopback\\nauto ${device}\\niface ${device} inet static\\n  address ${RIP}\\n  gateway 10.0.0.1\\n' >etc/network/interfaces
  printf 'network:\\n  version: 2\\n  ethernets:\\n    ${device}:\\n      addresses: [${RIP}, "${RIP6}"]\\n' >etc/netplan/50.yaml
  printf '[Match]\\nName=${device}\\n[Network]\\nAddress=${RIP}\\nGateway=10.0.0.1\\n' >etc/systemd/network/50.network
  printf 'nameserver 192.0.2.53\\n' >etc/resolv.conf
  printf 'net.ipv4.conf.default.rp_filter = 2\\nnet.ipv4.conf.*.rp_filter = 2\\n' >usr/lib/sysctl.d/50-default.conf
  printf '#!/usr/bin/node\\n' >usr/lib/rsprep/rsprep.cjs; : >usr/bin/node
  printf '[Service]\\nExecStart=/usr/lib/rsprep/rsprep.cjs apply --boot\\n' >etc/systemd/system/rsprep-apply.service
  ln -s ../rsprep-apply.service etc/systemd/system/multi-user.target.wants/rsprep-apply.service`;

interface Layout {
  readonly name: string;
  readonly ports?: number;
  readonly vlan?: number;
  /** The device that has the RIP. */
  readonly device: string;
  /** The device for the VIPs, where that is not lo. */
  readonly vipOn?: string;
  readonly build: string;
  readonly families?: '4';
  /** The VRF that the NIC is in; its table is 10. */
  readonly vrf?: string;
}

const bond =
  'ip link add bond0 type bond mode active-backup miimon 20; ip link set p0 master bond0; ip link set p1 master bond0; ip link set bond0 up';

const layouts: readonly Layout[] = [
  { name: 'a bond', ports: 2, device: 'bond0', build: bond },
  { name: 'a bond, IPv4 alone', ports: 2, device: 'bond0', build: bond, families: '4' },
  {
    name: 'a VLAN on a bond',
    ports: 2,
    vlan: 100,
    device: 'bond0.100',
    build: `${bond}; ip link add link bond0 name bond0.100 type vlan id 100; ip link set bond0.100 up`,
  },
  {
    name: 'a VLAN, its parent without an address',
    vlan: 100,
    device: 'p0.100',
    build: 'ip link set p0 up; ip link add link p0 name p0.100 type vlan id 100; ip link set p0.100 up',
  },
  {
    name: 'a bridge with a bond and a container’s veth as its ports',
    ports: 2,
    device: 'br0',
    build: `${bond}; ip link add br0 type bridge forward_delay 0; ip link set bond0 master br0; ip link add veth1 type veth peer name ct1; ip link set veth1 master br0; ip link set veth1 up; ip link set ct1 up; ip link set br0 up`,
  },
  {
    name: 'a dummy device that holds the VIPs',
    device: 'p0',
    vipOn: 'dummy0',
    build: 'ip link set p0 up; ip link add dummy0 type dummy; ip link set dummy0 up',
  },
  {
    name: 'a NIC in a VRF, the VIPs on the VRF, services that hear it',
    device: 'p0',
    vipOn: 'red',
    vrf: 'red',
    build: `ip link add red type vrf table 10; ip link set red up; ip link set p0 master red; ip link set p0 up
      echo 1 >/proc/sys/net/ipv4/tcp_l3mdev_accept`,
  },
];

/** Its link-local address is tentative for a second or two (RFC 4862 5.4), and no host is prepared before. */
const linkLocal = (device: string, families: string): string =>
  families === '6'
    ? `for i in $(seq 100); do ip -6 -o address show dev ${device} scope link -tentative | grep -q inet6 && break; sleep 0.1; done`
    : ':';

describe('no false alarm', () => {
  for (const layout of layouts) {
    it(layout.name, { timeout: 600_000 }, async () => {
      const { device, vipOn, vlan, vrf, families = '6' } = layout;
      const table = vrf === undefined ? '' : ' table 10';
      await segment(guest, { ports: layout.ports ?? 1, ...(vlan === undefined ? {} : { vlan }) });
      await rs(`${layout.build}
        ip address add ${RIP} dev ${device}; ip address add ${RIP6} dev ${device} nodad
        ip route add default via 10.0.0.1${table}; ip route add default via fd00::1 dev ${device}${table}
        ${files(device)}
        ${linkLocal(device, families)}`);
      // Without probes: they are given 300 ms, which Node in a guest on a busy machine does not keep.
      const services = ['tcp/8080', 'udp/5353'];
      await agent.configure({
        vips: [VIP, ...(families === '6' ? [VIP6] : [])].map((address) => ({
          ...{ address, services },
          ...(vipOn === undefined ? {} : { device: vipOn }),
        })),
        rip: RIP.split('/')[0],
        directors: ['10.0.0.50', ...(families === '6' ? ['fd00::50'] : [])],
        responder: { port: 5300 },
        report: { textfile: '/var/lib/rsprep.prom' },
        farm: { realServers: [{ rip: '10.0.0.11' }, { rip: '10.0.0.12' }] },
      });
      await agent.run('apply');
      await serve(families, vrf);
      const { code, ids } = await agent.verify();
      expect(`exit ${code}${ids.map((id) => `, ${id}`).join('')}`).toBe('exit 0');
      await agent.run('verify --strict');
      expect(await whoHas(guest, VIP, vlan === undefined ? 'eth0' : `eth0.${vlan}`)).toEqual([]);
    });
  }

  it('and a listener that does not hear the VRF is one', { timeout: 300_000 }, async () => {
    await rs('echo 0 >/proc/sys/net/ipv4/tcp_l3mdev_accept');
    const { code, ids } = await agent.verify();
    expect({ code, ids: ids.toSorted() }).toEqual({
      code: 2,
      ids: [VIP, VIP6].map((vip) => `service-missing@${vip}/tcp/8080`).toSorted(),
    });
  });
});
