// Every check there is, provoked by the smallest change of a prepared host: a check without a case here fails, and so does one
// whose flags say what its findings do not.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../../../src/core/checks/registry.ts';
import { ARP_KEYS, forEachArpKey, MANAGED } from '../../../../src/core/model/arp-settings.ts';
import type { Service } from '../../../../src/core/model/desired.ts';
import type { Wrong } from '../../../../src/core/model/finding.ts';
import type { Address, Observed } from '../../../../src/core/model/observed.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import type { ProbeResult, Routing } from '../../../../src/core/model/surroundings.ts';
import { leakingValue } from '../../../support/leaking-value.ts';
import {
  address,
  arp,
  arpReadings,
  type Case,
  CLIENT,
  cleanRouting,
  DIRECTOR,
  eth0,
  file,
  judged,
  knobs,
  link,
  lo,
  onLo,
  ROUTER,
  socket,
  sockets,
  VIP,
  VIP6,
  vip,
  way,
} from './host.ts';

const HTTP: Service = { protocol: 'tcp', port: 80 };
const DNS: Service = { protocol: 'udp', port: 53 };
const observed = (more: Partial<Observed>): Case => ({ observed: more });
const routed = (more: Partial<Routing>): Case => observed({ routing: value({ ...cleanRouting, ...more }) });
const onNic = (...addresses: readonly Address[]): Case =>
  observed({ links: value([lo, { ...eth0, addresses: [...eth0.addresses, ...addresses] }]) });
const onLoopback = (...addresses: readonly Address[]): Case =>
  observed({ links: value([link('lo', 1, [...onLo.slice(0, 1), ...addresses]), eth0]) });
const four = address(VIP, 32, { scope: 'host' });
const six = address(VIP6, 128, { preferredSeconds: 0 });
const serving = (service: Service, services: Observed['services']): Case => ({
  desired: { vips: [vip(VIP, [service])] },
  observed: { services },
});
const nft = (...rules: readonly object[]): Partial<Observed> => ({
  firewall: { nft: value({ nftables: rules }), tables: [], arptables: absent },
});
const chain = (family: string, hook: string) => [
  { table: { family, name: 't' } },
  { chain: { family, table: 't', name: 'c', hook, type: 'filter', prio: 0, policy: 'accept' } },
];
const drop = (family: string, match: readonly object[] = []) => ({
  rule: { family, table: 't', chain: 'c', expr: [...match, { drop: null }] },
});
const failed: ProbeResult = {
  vip: VIP,
  ...DNS,
  outcome: { kind: 'no-answer', reason: 'no answer' },
};
const probed = { ...sockets(socket('udp 0.0.0.0:53', { asksDestination: value(true) })), probes: [failed] };
const unnumbered = {
  links: value([
    link('lo', 1, [address('127.0.0.1', 8, { scope: 'host' }), address(VIP, 32), six]),
    eth0,
    link('eth1', 3, []),
  ]),
  routing: value({
    ...cleanRouting,
    main: [...cleanRouting.main, { ...cleanRouting.main[1], device: 'eth1' } as Routing['main'][number]],
  }),
};
const proxied = { ip: VIP6, device: 'eth0' as never };

const PROVOKED: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    ARP_KEYS.map((key) => {
      const all = arpReadings({ [key]: value(leakingValue(key)) });
      const eth0 = arpReadings(forEachArpKey(() => value(0)));
      return [MANAGED[key].check.id, observed({ arp: value(new Map(Object.entries({ all, eth0 }))) })];
    }),
  ),
  'arp-sender': observed(unnumbered),
  'arp-filter': observed({
    arp: arp({ all: [0, 2], default: [1, 2], eth0: [0, 0] }),
    ...nft(...chain('arp', 'input'), drop('arp')),
  }),
  'vip-on-nic': onNic(address(VIP, 32)),
  'vip-prefix': onLoopback(address(VIP, 24, { scope: 'host' }), six),
  'local-route': observed({
    localRoutes: value([{ destination: '10.0.0.0' as never, prefixLength: 24, device: 'lo' as never }]),
  }),
  'proxy-arp': observed({
    links: value([link('lo', 1, onLo.slice(0, 1)), eth0, link('eth1', 3, [address('192.168.5.11', 24)])]),
    knobs: knobs({ 'net/ipv4/conf/eth1/forwarding': 1, 'net/ipv4/conf/eth1/proxy_arp': 1 }),
  }),
  'proxy-ndp': observed({
    knobs: knobs({ 'net/ipv6/conf/eth0/proxy_ndp': 1, 'net/ipv6/conf/eth0/forwarding': 1 }),
    routing: value({ ...cleanRouting, proxyNeighbours: [proxied] }),
  }),
  'vip6-anycast': {
    desired: { vips: [vip('fd00::')] },
    ...observed({ links: value([link('lo', 1, [address('fd00::', 128, { preferredSeconds: 0 })]), eth0]) }),
  },
  'keepalived-vip': observed({
    vipFiles: [file('/etc/keepalived/keepalived.conf', `virtual_ipaddress {\n  ${VIP}/32\n}\n`)],
    keepalived: value('runs'),
  }),
  'ipvs-here': observed({
    ipvs: value({ services: [{ protocol: 'tcp', ip: VIP, port: 80 }], syncDaemon: value([]) }),
  }),
  'device-down': observed({ links: value([{ ...lo, up: false }, eth0]) }),
  'vip-missing': onLoopback(six),
  'vip6-unusable': onLoopback(four, { ...six, dadFailed: true }),
  'vip6-preferred': onLoopback(four, { ...six, preferredSeconds: null }),
  'vip-expires': onLoopback({ ...four, validSeconds: 300 }, six),
  'vip-scope': onLoopback(address(VIP, 32), six),
  'vip-clash': observed({ resolvers: [VIP] }),
  'vip-as-source': routed({ answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: ROUTER, source: VIP })] }),
  'vip-unroutable': observed({
    localRoutes: value([{ destination: VIP6, prefixLength: 128, device: 'lo' as never }]),
  }),
  'no-way-back': routed({ answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: ROUTER }), way(CLIENT, null, VIP)] }),
  'no-link-local': observed({ links: value([lo, { ...eth0, addresses: eth0.addresses.slice(0, 2) }]) }),
  'nic-noarp': observed({ links: value([lo, { ...eth0, noArp: true }]) }),
  'rip-missing': { desired: { rip: '10.0.0.99' as never } },
  'director-off-link': routed({ answers: [way(DIRECTOR, { gateway: ROUTER })] }),
  'gateway-is-director': routed({
    answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: DIRECTOR, source: VIP }, VIP)],
  }),
  'rp-filter': observed({
    links: value([lo, eth0, link('eth1', 3, [address('192.168.5.11', 24)])]),
    knobs: knobs({ 'net/ipv4/conf/all/rp_filter': 1 }),
    routing: value({
      ...cleanRouting,
      answers: [way(DIRECTOR, {}), ...[null, VIP].map((from) => way(CLIENT, { device: 'eth1' as never }, from))],
    }),
  }),
  'service-missing': serving(HTTP, sockets()),
  'service-source': serving(DNS, sockets(socket('udp 0.0.0.0:53', { asksDestination: value(false) }))),
  'service-probe': serving(DNS, probed),
  'service-vip-only': serving(HTTP, sockets(socket(`tcp ${VIP}:80`))),
  'firewall-drops': {
    ...serving(HTTP, sockets(socket('tcp 0.0.0.0:80'))),
    observed: { services: sockets(socket('tcp 0.0.0.0:80')), ...nft(...chain('ip', 'input'), drop('ip')) },
  },
  'conntrack-strict': {
    desired: { vips: [vip(VIP, [HTTP])] },
    observed: {
      services: sockets(socket('tcp 0.0.0.0:80')),
      knobs: knobs({ 'net/netfilter/nf_conntrack_tcp_loose': 0 }),
      ...nft(
        ...chain('ip', 'input'),
        drop('ip', [{ match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } }]),
      ),
    },
  },
  'conntrack-full': observed({
    knobs: knobs({ 'net/netfilter/nf_conntrack_count': 10, 'net/netfilter/nf_conntrack_max': 10 }),
  }),
  'persist-sysctl': observed({ sysctlFile: absent }),
  'boot-sysctl': observed({
    sysctlFiles: {
      files: [file('/etc/sysctl.d/99-zzz.conf', 'net.ipv4.conf.all.arp_ignore=0\n')],
      bootReader: 'systemd',
    },
  }),
  'boot-owner': observed({ vipFiles: [file('/etc/rc.local', `ip addr add ${VIP}/32 dev eth0\n`)] }),
  'boot-unit': observed({
    bootUnit: value({ state: 'disabled', path: '/etc/systemd/system/rsprep-apply.service', missing: [] }),
  }),
  'vip-stale': onLoopback(four, six, address('10.0.0.101', 32, { scope: 'host', label: 'lo:rsprep' })),
  ledger: onLoopback(six),
  'ignore-expired': { desired: { ignore: [{ id: 'vip-*', reason: 'x', until: '2027-01-14' }] } },
  'ignore-unknown': { desired: { ignore: [{ id: 'arp-ignor', reason: 'x', until: null }] } },
};

const provoked = (given: Case): readonly Wrong[] =>
  judged(given).unfolded.filter((finding): finding is Wrong => finding.kind === 'wrong');

describe('every check', () => {
  it('has a case, and no case is of a check that is gone', () => {
    const hint = 'PROVOKED above needs one case for each check: the smallest change of a prepared host that it finds';
    expect(Object.keys(PROVOKED).toSorted(), hint).toEqual(CHECKS.map(({ id }) => id).toSorted());
  });

  it.each(Object.entries(PROVOKED))('%s', (id, given) => {
    expect(provoked(given).map(({ check }) => check)).toContain(id);
  });
});

describe('the flags of a check', () => {
  const flagged = (flag: 'silences' | 'decisive'): readonly string[] =>
    CHECKS.filter((check) => check[flag] === true).map(({ id }) => id);

  it('silences: those, and only those, that find that this host cannot serve', () => {
    const silent = Object.entries(PROVOKED).filter(([id, given]) =>
      provoked(given).some(({ check, vouch }) => check === id && vouch === 'silence'),
    );
    expect(silent.map(([id]) => id).toSorted()).toEqual([...flagged('silences')].toSorted());
  });

  it('decisive: each says that it could not look where links, local routes and ARP settings cannot be read', () => {
    const nothing = unreadable('io', 'nothing answers');
    const blind = judged(observed({ links: nothing, localRoutes: nothing, arp: nothing })).unfolded;
    const unknown = blind.filter(({ kind }) => kind === 'unknown').map(({ check }) => check);
    expect(unknown).toEqual(expect.arrayContaining([...flagged('decisive')]));
    expect(flagged('decisive')).not.toEqual([]);
  });
});

describe('on a real kernel', () => {
  /** What no kernel is needed for, or what none can be brought to. */
  const WITHOUT_KERNEL: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      ARP_KEYS.map((key) => [MANAGED[key].check.id, 'test/netns/roundtrip.test.ts makes a case of each managed key']),
    ),
    'ignore-unknown': 'it is about the configuration alone',
    'vip6-unusable': 'neither lo nor a dummy device detects duplicates',
  };

  it('every check is provoked too', () => {
    const tests = join(import.meta.dirname, '../../..');
    const text = ['netns', 'real']
      .flatMap((tier) =>
        readdirSync(join(tests, tier), { recursive: true, encoding: 'utf8' }).map((name) => join(tests, tier, name)),
      )
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n');
    const missing = CHECKS.filter(({ id }) => !new RegExp(`[ '"\`]${id}[@'"\`]`).test(text)).map(({ id }) => id);
    const hint = 'provoke it in test/netns/checks, or say in WITHOUT_KERNEL why no kernel can be brought to it';
    expect(
      missing.filter((id) => WITHOUT_KERNEL[id] === undefined),
      hint,
    ).toEqual([]);
  });
});
