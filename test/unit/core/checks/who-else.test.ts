// Who else has to do with the VIP: proxies, keepalived, IPVS, other machines, other tools at boot.
import { describe, expect, it } from 'vitest';
import { absent, type Reading, unreadable, value } from '../../../../src/core/model/reading.ts';
import type { BootUnit, Ipvs, Surroundings } from '../../../../src/core/model/surroundings.ts';
import {
  address,
  type Case,
  cleanRouting,
  DIRECTOR,
  eth0,
  file,
  found,
  knobs,
  link,
  lo,
  onLo,
  ROUTER,
  VIP,
  VIP6,
  vip,
} from './host.ts';

const forwarding = (more: Readonly<Record<string, number>>) =>
  knobs({ 'net/ipv4/conf/eth0/forwarding': 1, 'net/ipv4/conf/eth1/forwarding': 1, ...more });
const noVip = link('lo', 1, onLo.slice(0, 1));
const eth1 = link('eth1', 3, [address('192.168.5.11', 24)]);
const proxied = (
  held: boolean,
  more: Readonly<Record<string, number>>,
  links = [held ? lo : noVip, eth0, eth1],
): Case => ({
  desired: { vips: [vip(VIP)] },
  observed: { links: value(links), knobs: forwarding(more) },
});
const gone = `high vip-missing@${VIP}`;
const ndp = (more: Readonly<Record<string, number>>): Case => ({
  observed: {
    knobs: knobs(more),
    routing: value({ ...cleanRouting, proxyNeighbours: [{ ip: VIP6, device: 'eth0' as never }] }),
  },
});

const served = (
  protocol: string,
  ip: string | null,
  syncDaemon: Ipvs['syncDaemon'] = value([]),
): Partial<Surroundings> => ({
  ipvs: value({ services: [{ protocol, ip: ip as never, port: 80 }], syncDaemon }),
});
const localnode = { role: 'localnode', directors: [DIRECTOR] } as const;
const activeLinks = { links: value([lo, { ...eth0, addresses: [...eth0.addresses, address(VIP, 32)] }]) };
const backupOnly = { knobs: knobs({ 'net/ipv4/vs/backup_only': 1 }) };

const keepalived = (text: string, state: 'runs' | 'starts at boot' | 'idle' = 'runs'): Partial<Surroundings> => ({
  vipFiles: [file('/etc/keepalived/keepalived.conf', text)],
  keepalived: value(state),
});
const instance = (device: string) =>
  `vrrp_instance v {\n  interface eth0\n  virtual_ipaddress {\n    ${VIP}/32${device}\n  }\n}\n`;

const unit = (state: BootUnit['state'], missing: readonly string[] = []): Reading<BootUnit> =>
  value({
    state,
    missing,
    path: '/etc/systemd/system/rsprep-apply.service',
  });
const atBoot = (path: string, text: string, bootUnit: Reading<BootUnit> = absent): Case => ({
  observed: { vipFiles: [file(path, text)], bootUnit },
});

const cases: readonly (readonly [name: string, given: Case, wanted: readonly string[]])[] = [
  // Proxy ARP, which answers for a VIP once it is gone.
  ['proxy_arp, the VIP held, its route through that NIC', proxied(true, { 'net/ipv4/conf/eth0/proxy_arp': 1 }), []],
  [
    'proxy_arp on another NIC, the VIP held',
    proxied(true, { 'net/ipv4/conf/eth1/proxy_arp': 1 }),
    ['advice proxy-arp@eth1'],
  ],
  [
    'proxy_arp on another NIC, the VIP held without its local route',
    {
      ...proxied(true, { 'net/ipv4/conf/eth1/proxy_arp': 1 }),
      observed: { ...proxied(true, { 'net/ipv4/conf/eth1/proxy_arp': 1 }).observed, localRoutes: value([]) },
    },
    ['critical proxy-arp@eth1', `high vip-unroutable@${VIP}`],
  ],
  [
    'proxy_arp on another NIC, the VIP gone',
    proxied(false, { 'net/ipv4/conf/eth1/proxy_arp': 1 }),
    ['critical proxy-arp@eth1', gone],
  ],
  [
    'proxy_arp by all, the VIP gone',
    proxied(false, { 'net/ipv4/conf/all/proxy_arp': 1 }),
    ['critical proxy-arp@eth1', gone],
  ],
  [
    'proxy_arp_pvlan, the VIP gone',
    proxied(false, { 'net/ipv4/conf/eth0/proxy_arp_pvlan': 1 }),
    ['critical proxy-arp@eth0', gone],
  ],
  [
    'proxy_arp without forwarding',
    {
      ...proxied(false, {}),
      observed: { ...proxied(false, {}).observed, knobs: knobs({ 'net/ipv4/conf/eth1/proxy_arp': 1 }) },
    },
    [gone],
  ],
  [
    'proxy_arp on a container’s veth without an address, the VIP held',
    proxied(true, { 'net/ipv4/conf/cali0/proxy_arp': 1, 'net/ipv4/conf/cali0/forwarding': 1 }, [
      lo,
      eth0,
      link('cali0', 4, []),
    ]),
    [],
  ],
  [
    'a proxy neighbour entry on another NIC, the VIP gone',
    {
      ...proxied(false, {}),
      observed: {
        ...proxied(false, {}).observed,
        routing: value({ ...cleanRouting, proxyNeighbours: [{ ip: VIP, device: 'eth1' as never }] }),
      },
    },
    ['critical proxy-arp@eth1', gone],
  ],
  // The same for IPv6: neighbour proxy entries.
  [
    'proxy_ndp with an entry for the VIP6',
    ndp({ 'net/ipv6/conf/eth0/forwarding': 1, 'net/ipv6/conf/eth0/proxy_ndp': 1 }),
    [`critical proxy-ndp@${VIP6}/eth0`],
  ],
  [
    'proxy_ndp by all',
    ndp({ 'net/ipv6/conf/eth0/forwarding': 1, 'net/ipv6/conf/all/proxy_ndp': 1 }),
    [`critical proxy-ndp@${VIP6}/eth0`],
  ],
  ['an entry without proxy_ndp', ndp({ 'net/ipv6/conf/eth0/forwarding': 1 }), []],
  ['an entry without forwarding', ndp({ 'net/ipv6/conf/eth0/proxy_ndp': 1 }), []],
  // IPVS on this host itself.
  ['IPVS for the VIP on a real server', { observed: served('tcp', VIP) }, [`critical ipvs-here@${VIP}`]],
  ['IPVS for another address', { observed: served('tcp', '10.0.0.200') }, []],
  ['IPVS by firewall mark', { observed: served('fwmark', null) }, []],
  ['IPVS that cannot be read', { observed: { ipvs: unreadable('privilege', 'EACCES') } }, ['unknown ipvs-here']],
  [
    'a localnode with another director, backup_only=0',
    { desired: localnode, observed: served('tcp', VIP) },
    [`critical ipvs-here@${VIP}`],
  ],
  [
    'a localnode with backup_only=1 and no sync daemon',
    { desired: localnode, observed: { ...served('tcp', VIP), ...backupOnly } },
    [`critical ipvs-here@${VIP}`],
  ],
  [
    'a localnode with backup_only=1 and a backup sync daemon',
    { desired: localnode, observed: { ...served('tcp', VIP, value(['backup'])), ...backupOnly } },
    [],
  ],
  [
    'a localnode with backup_only=1 and a master sync daemon, which does not count',
    { desired: localnode, observed: { ...served('tcp', VIP, value(['master'])), ...backupOnly } },
    [`critical ipvs-here@${VIP}`],
  ],
  [
    'the active localnode with backup_only=1 and a master sync daemon',
    { desired: localnode, observed: { ...served('tcp', VIP, value(['master'])), ...backupOnly, ...activeLinks } },
    [],
  ],
  [
    'the active localnode with backup_only=1 and still a backup sync daemon: it balances nothing',
    { desired: localnode, observed: { ...served('tcp', VIP, value(['backup'])), ...backupOnly, ...activeLinks } },
    [`high ipvs-here@${VIP}`],
  ],
  [
    'a localnode whose sync daemon cannot be asked for',
    { desired: localnode, observed: { ...served('tcp', VIP, unreadable('io', 'no ipvsadm')), ...backupOnly } },
    [`unknown ipvs-here@${VIP}`],
  ],
  [
    'a localnode that is the only director',
    { desired: { role: 'localnode', directors: [] }, observed: served('tcp', VIP) },
    [],
  ],
  [
    'a localnode with the VIP on a NIC as well',
    {
      desired: localnode,
      observed: activeLinks,
    },
    [],
  ],
  // keepalived on this host.
  ['keepalived holds the VIP on the NIC', { observed: keepalived(instance('')) }, [`critical keepalived-vip@${VIP}`]],
  [
    'keepalived starts at boot with dev lo',
    { observed: keepalived(instance(' dev lo'), 'starts at boot') },
    [`critical keepalived-vip@${VIP}`],
  ],
  [
    'keepalived is configured and never runs',
    { observed: keepalived(instance(''), 'idle') },
    [`advice keepalived-vip@${VIP}`],
  ],
  ['keepalived holds another VIP', { observed: keepalived(instance('').replaceAll(VIP, '10.0.0.101')) }, []],
  [
    'keepalived names the VIP in a comment and as a real server',
    { observed: keepalived(`# ${VIP}\nreal_server ${VIP} 80 {\n}\n`) },
    [],
  ],
  [
    'keepalived balances the VIP',
    { observed: keepalived(`virtual_server ${VIP} 80 {\n}\n`) },
    [`critical keepalived-vip@${VIP}`],
  ],
  [
    'keepalived on a localnode',
    { desired: localnode, observed: keepalived(`${instance('')}virtual_server ${VIP} 80 {\n}\n`) },
    [],
  ],
  [
    'keepalived on a localnode with dev lo',
    { desired: localnode, observed: keepalived(instance(' dev lo')) },
    [`critical keepalived-vip@${VIP}`],
  ],
  [
    'keepalived.conf that this user may not read',
    {
      observed: { vipFiles: [{ path: '/etc/keepalived/keepalived.conf', content: unreadable('privilege', 'EACCES') }] },
    },
    ['unknown keepalived-vip@/etc/keepalived/keepalived.conf'],
  ],
  // A VIP that is somebody else’s address as well.
  [
    'the VIP is a gateway',
    { observed: { routing: value({ ...cleanRouting, main: [{ ...cleanRouting.main[0], gateway: VIP } as never] }) } },
    [`high vip-clash@${VIP}`],
  ],
  ['the VIP is a resolver', { observed: { resolvers: [ROUTER, VIP] } }, [`advice vip-clash@${VIP}`]],
  // What puts the VIP somewhere else at boot.
  [
    'interfaces(5): on lo:0, and no boot unit',
    atBoot('/etc/network/interfaces', `iface lo:0 inet static\n  address ${VIP}\n  netmask 255.255.255.255\n`),
    [],
  ],
  [
    'interfaces(5): on lo:0, and the boot unit',
    atBoot('/etc/network/interfaces', `iface lo:0 inet static\n  address ${VIP}\n`, unit('enabled')),
    [`high boot-owner@${VIP}`],
  ],
  [
    'interfaces(5): on a NIC',
    atBoot('/etc/network/interfaces.d/vip', `iface eth0:1 inet static\n  address ${VIP}/24\n`),
    [`critical boot-owner@${VIP}`],
  ],
  [
    'interfaces(5): by a command',
    atBoot(
      '/etc/network/interfaces',
      `iface eth0 inet static\n  address 10.0.0.11/24\n  up ip addr add ${VIP}/32 dev eth0\n`,
    ),
    [`critical boot-owner@${VIP}`],
  ],
  [
    'interfaces(5): only its gateway',
    atBoot('/etc/network/interfaces', `iface eth0 inet static\n  gateway ${VIP}\n  # address ${VIP}\n`),
    [],
  ],
  [
    'netplan: on a NIC',
    atBoot(
      '/etc/netplan/50.yaml',
      `network:\n  ethernets:\n    eth0:\n      addresses:\n        - 10.0.0.11/24\n        - ${VIP}/24\n`,
    ),
    [`critical boot-owner@${VIP}`],
  ],
  [
    'netplan: in one line',
    atBoot('/etc/netplan/50.yaml', `network:\n  ethernets:\n    eth0:\n      addresses: [10.0.0.11/24, ${VIP}/24]\n`),
    [`critical boot-owner@${VIP}`],
  ],
  [
    'netplan: as a name server',
    atBoot(
      '/etc/netplan/50.yaml',
      `network:\n  ethernets:\n    eth0:\n      nameservers:\n        addresses:\n          - ${VIP}\n      addresses: [10.0.0.11/24]\n`,
    ),
    [],
  ],
  [
    'netplan: on lo with a wide prefix',
    atBoot('/etc/netplan/50.yaml', `network:\n  ethernets:\n    lo:\n      addresses: [${VIP}/24]\n`),
    [`high boot-owner@${VIP}`],
  ],
  [
    'systemd-networkd',
    atBoot('/etc/systemd/network/eth0.network', `[Match]\nName=eth0\n[Network]\nDNS=${VIP}\nAddress=${VIP}/24\n`),
    [`critical boot-owner@${VIP}`],
  ],
  [
    'NetworkManager',
    atBoot(
      '/etc/NetworkManager/system-connections/a.nmconnection',
      `[connection]\ninterface-name=eth0\n[ipv4]\naddress1=${VIP}/24,10.0.0.1\ndns=${VIP};\n`,
    ),
    [`critical boot-owner@${VIP}`],
  ],
  [
    'dsrtools and the boot unit',
    atBoot('/etc/dsr.d/farm.conf', `# the farm\n${VIP}   # ours\n`, unit('enabled')),
    [`high boot-owner@${VIP}`],
  ],
  ['dsrtools, commented out', atBoot('/etc/dsr.d/farm.conf', `# ${VIP}\n`, unit('enabled')), []],
  [
    'ifcfg-lo:0 and the boot unit',
    atBoot(
      '/etc/sysconfig/network-scripts/ifcfg-lo:0',
      `DEVICE=lo:0\nIPADDR=${VIP}\nNETMASK=255.255.255.255\n`,
      unit('enabled'),
    ),
    [`high boot-owner@${VIP}`],
  ],
  [
    'rc.local',
    atBoot('/etc/rc.local', `#!/bin/sh\nVIP=${VIP}\nifconfig lo:0 $VIP netmask 255.255.255.255 up\n`, unit('enabled')),
    [`high boot-owner@${VIP}`],
  ],
  ['rc.local on a NIC', atBoot('/etc/rc.local', `ip addr add ${VIP}/32 dev eth0\n`), [`critical boot-owner@${VIP}`]],
  ['rc.local that only pings it', atBoot('/etc/rc.local', `ping -c1 ${VIP}\n`), []],
  [
    'an IPv6 VIP',
    atBoot('/etc/network/interfaces', `iface eth0 inet6 static\n  address ${VIP6.toUpperCase()}/64\n`),
    [`critical boot-owner@${VIP6}`],
  ],
  [
    'a longer address that begins like the VIP',
    atBoot('/etc/network/interfaces', `iface eth0 inet static\n  address ${VIP}1/24\n`),
    [],
  ],
  ['no systemd', { observed: { bootUnit: absent } }, []],
  [
    'a boot unit that this user may not look for',
    { observed: { bootUnit: unreadable('privilege', 'EACCES') } },
    ['unknown boot-unit'],
  ],
  [
    'keepalived that nobody can tell of',
    { observed: { ...keepalived(instance('')), keepalived: unreadable('io', 'ELOOP') } },
    [`critical keepalived-vip@${VIP}`],
  ],
  ['the boot unit enabled', { observed: { bootUnit: unit('enabled') } }, []],
  ['the boot unit not installed', { observed: { bootUnit: unit('not-installed') } }, ['advice boot-unit']],
  ['the boot unit disabled', { observed: { bootUnit: unit('disabled') } }, ['high boot-unit']],
  ['the boot unit masked', { observed: { bootUnit: unit('masked') } }, ['high boot-unit']],
  [
    'the boot unit without its interpreter',
    { observed: { bootUnit: unit('enabled', ['/usr/bin/node']) } },
    ['high boot-unit'],
  ],
  [
    'no boot unit, and another tool that sees to it',
    {
      desired: { vips: [vip(VIP)] },
      ...atBoot('/etc/rc.local', `ip addr add ${VIP}/32 dev lo\n`, unit('not-installed')),
    },
    [],
  ],
];

describe('who else has to do with the VIP', () => {
  it.each(cases)('%s', (_name, given, wanted) => expect(found(given)).toEqual(wanted));
});
