// Where the VIP is, and how: prefixes, scopes, lifetimes, devices, local routes, what the ledger knows of it.
import { describe, expect, it } from 'vitest';
import { judge } from '../../../../src/core/judge.ts';
import type { Address, Link } from '../../../../src/core/model/observed.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import {
  address,
  arp,
  type Case,
  contextOf,
  DIRECTOR,
  eth0,
  found,
  judged,
  knobs,
  link,
  lo,
  onLo,
  TODAY,
  VIP,
  VIP6,
  vip,
} from './host.ts';

const hosts = (...links: readonly Link[]): Case => ({ observed: { links: value(links) } });
const withLo = (...addresses: readonly Address[]): Case =>
  hosts(link('lo', 1, [address('127.0.0.1', 8, { scope: 'host' }), ...addresses]), eth0);
const four = address(VIP, 32, { scope: 'host' });
const six = address(VIP6, 128, { preferredSeconds: 0 });
const local = (destination: string, prefixLength: number): Case => ({
  observed: {
    localRoutes: value(
      [[destination, prefixLength] as const, [VIP, 32] as const, [VIP6, 128] as const].map(([ip, bits]) => ({
        ...{ destination: ip as never, prefixLength: bits, device: 'lo' as never },
      })),
    ),
  },
});

const cases: readonly (readonly [name: string, given: Case, wanted: readonly string[]])[] = [
  // A point-to-point address: the kernel takes the peer for this host as well.
  [
    'the VIP with a director as its peer',
    withLo(address(VIP, 32, { peer: DIRECTOR }), six),
    [`critical vip-prefix@${VIP}`],
  ],
  [
    'the VIP with a peer, beside the right one',
    withLo(four, address(VIP, 32, { peer: DIRECTOR }), six),
    [`critical vip-prefix@${VIP}`],
  ],
  [
    'the VIP on its device, without its local route',
    { observed: { localRoutes: value([{ destination: VIP6, prefixLength: 128, device: 'lo' as never }]) } },
    [`high vip-unroutable@${VIP}`],
  ],
  ['the VIP is gone', withLo(six), [`high vip-missing@${VIP}`]],
  ['both are gone', withLo(), [`high vip-missing@${VIP}`, `high vip-missing@${VIP6}`]],
  ['lo is down', hosts({ ...lo, up: false }, eth0), ['high device-down@lo']],
  ['lo is down and empty', hosts(link('lo', 1, [], { up: false }), eth0), ['high device-down@lo']],
  [
    'the VIP on the NIC as well',
    hosts(lo, { ...eth0, addresses: [...eth0.addresses, address(VIP, 32)] }),
    [`critical vip-on-nic@${VIP}`],
  ],
  [
    'the VIP on the NIC instead',
    hosts(link('lo', 1, [onLo[0] as Address, six]), { ...eth0, addresses: [...eth0.addresses, address(VIP, 32)] }),
    [`critical vip-on-nic@${VIP}`],
  ],
  [
    'the VIP on a dummy device as well',
    hosts(lo, eth0, link('dummy0', 3, [four], { kind: 'dummy', noArp: true })),
    [`advice vip-on-nic@${VIP}@dummy0`],
  ],
  [
    'the VIP on a dummy device by configuration',
    {
      desired: { vips: [vip(VIP, [], 'dummy0')] },
      ...hosts(link('lo', 1, onLo.slice(0, 1)), eth0, link('dummy0', 3, [four], { kind: 'dummy', noArp: true })),
    },
    [],
  ],
  [
    'the device of the VIP is a NIC',
    {
      desired: { vips: [vip(VIP, [], 'eth0')] },
      ...hosts(link('lo', 1, onLo.slice(0, 1)), { ...eth0, addresses: [...eth0.addresses, four] }),
    },
    [`critical vip-on-nic@${VIP}`],
  ],
  [
    'no such device',
    { desired: { vips: [vip(VIP, [], 'dummy0')] }, ...hosts(link('lo', 1, onLo.slice(0, 1)), eth0) },
    ['high device-down@dummy0'],
  ],
  ['/24 instead of /32', withLo({ ...four, prefixLength: 24 }, six), [`critical vip-prefix@${VIP}`]],
  ['/8 beside /32', withLo(four, { ...four, prefixLength: 8 }, six), [`critical vip-prefix@${VIP}`]],
  ['/64 instead of /128', withLo(four, { ...six, prefixLength: 64 }), [`critical vip-prefix@${VIP6}`]],
  ['scope global', withLo({ ...four, scope: 'global' }, six), [`advice vip-scope@${VIP}`]],
  ['a lifetime that ends', withLo({ ...four, validSeconds: 60 }, six), [`high vip-expires@${VIP}`]],
  [
    'an IPv6 VIP that is preferred',
    withLo(four, { ...six, preferredSeconds: null }),
    [`advice vip6-preferred@${VIP6}`],
  ],
  [
    'an IPv6 VIP that failed duplicate address detection',
    withLo(four, { ...six, dadFailed: true }),
    [`high vip6-unusable@${VIP6}`],
  ],
  ['an IPv6 VIP that is still tentative', withLo(four, { ...six, tentative: true }), [`high vip6-unusable@${VIP6}`]],
  ['a local route that covers the VIP', local('10.0.0.0', 24), ['critical local-route@10.0.0.0/24']],
  ['a local route for something else (AnyIP)', local('198.51.100.0', 24), ['advice local-route@198.51.100.0/24']],
  ['loopback is meant to be wide', local('127.0.0.0', 8), []],
  [
    'a VIP of an earlier configuration, by its label',
    withLo(four, six, address('10.0.0.101', 32, { scope: 'host', label: 'lo:rsprep' })),
    ['high vip-stale@10.0.0.101'],
  ],
  ['an address of somebody else', withLo(four, six, address('10.0.0.101', 32)), []],
  [
    'links that cannot be observed',
    { observed: { links: unreadable('io', 'no ip') } },
    [
      'unknown vip-on-nic',
      'unknown vip6-anycast',
      'unknown vip-prefix',
      'unknown device-down',
      'unknown vip-missing',
      'unknown vip6-unusable',
      'unknown vip-expires',
      'unknown arp-sender',
      'unknown vip-stale',
      'unknown vip6-preferred',
      'unknown vip-scope',
      'unknown ledger',
    ],
  ],
];

describe('addresses', () => {
  it.each(cases)('%s', (_name, given, wanted) => expect([...found(given)].sort()).toEqual([...wanted].sort()));

  it('says that packets loop while the VIP is gone and the host forwards', () => {
    const why = (forward: number): string => {
      const [finding] = judged({
        observed: { ...withLo(six).observed, knobs: knobs({ 'net/ipv4/ip_forward': forward }) },
      }).findings;
      return finding?.kind === 'wrong' ? finding.why : '';
    };
    expect(why(1)).toContain('63 times');
    expect(why(0)).not.toContain('63 times');
  });

  it('folds what follows under its cause', () => {
    const [finding] = judged(hosts(link('lo', 1, [], { up: false }), eth0)).findings;
    expect(finding?.kind === 'wrong' && finding.consequences.map(({ id }) => id)).toEqual([
      `vip-missing@${VIP}`,
      `vip-missing@${VIP6}`,
      `ledger@${VIP}`,
      `ledger@${VIP6}`,
    ]);
  });

  it('never folds what is critical under what is not', () => {
    const observed = {
      ...hosts(lo, { ...eth0, addresses: [...eth0.addresses, address(VIP, 32)] }).observed,
      vipFiles: [{ path: '/etc/keepalived/keepalived.conf', content: value(`virtual_ipaddress {\n${VIP}\n}\n`) }],
    };
    expect(found({ observed })).toEqual([`critical vip-on-nic@${VIP}`, `advice keepalived-vip@${VIP}`]);
    expect(found({ observed: { ...observed, keepalived: value('runs') } })).toEqual([`critical keepalived-vip@${VIP}`]);
  });

  it('calls a leak drift even where rsprep was never run, and a missing VIP pending', () => {
    const causes = (given: Case) =>
      judge({ ...contextOf(given), ledger: absent }, TODAY).findings.flatMap((f) =>
        f.kind === 'wrong' ? [`${f.id} ${f.cause}`] : [],
      );
    const leaking = { observed: { arp: arp({ all: [0, 2], default: [1, 2], eth0: [0, 0] }) } };
    expect(causes(leaking)).toContain('arp-ignore@all drift');
    expect(causes({ observed: { ...leaking.observed, ...withLo().observed } })).toContain('arp-ignore@all pending');
    expect(causes(withLo(six))).toContain(`vip-missing@${VIP} pending`);
    expect(judged(withLo(six)).findings[0]).toMatchObject({ cause: 'drift' });
  });
});
