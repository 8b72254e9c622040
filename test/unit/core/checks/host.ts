// A prepared real server as checks see it, with what a case changes about it. Nothing about it is wrong until a case says so.

import { CHECKS, checkNamed } from '../../../../src/core/checks/registry.ts';
import { type Judgement, judge } from '../../../../src/core/judge.ts';
import { forEachArpKey, MANAGED } from '../../../../src/core/model/arp-settings.ts';
import type { CheckContext } from '../../../../src/core/model/check.ts';
import { type Desired, type DesiredVip, emptyDesired, type Service } from '../../../../src/core/model/desired.ts';
import type { Finding } from '../../../../src/core/model/finding.ts';
import { LEDGER_FORMAT, type Ledger } from '../../../../src/core/model/ledger.ts';
import { hostPrefixLength, type InterfaceName, type Ip, isIpv6, LO } from '../../../../src/core/model/names.ts';
import type { Address, ArpSettings, Link, LocalRoute, Observed } from '../../../../src/core/model/observed.ts';
import { absent, value } from '../../../../src/core/model/reading.ts';
import {
  type FoundFile,
  NOT_LOOKED_AT,
  type RouteAnswer,
  type Routing,
  type ServiceSocket,
  type Services,
} from '../../../../src/core/model/surroundings.ts';
import { renderSysctlFile } from '../../../../src/core/sysctl/file.ts';

export const VIP = '10.0.0.100' as Ip;
export const VIP6 = 'fd00::100' as Ip;
export const RIP = '10.0.0.11' as Ip;
export const DIRECTOR = '10.0.0.2' as Ip;
export const ROUTER = '10.0.0.50' as Ip;
export const CLIENT = '203.0.113.1' as Ip;

export const address = (ip: string, prefixLength: number, more: Partial<Address> = {}): Address => ({
  ip: ip as Ip,
  prefixLength,
  scope: 'global',
  label: null,
  validSeconds: null,
  preferredSeconds: null,
  tentative: false,
  dadFailed: false,
  secondary: false,
  ...more,
});

export const link = (name: string, index: number, addresses: readonly Address[], more: Partial<Link> = {}): Link => ({
  name: name as InterfaceName,
  index,
  up: true,
  loopback: name === 'lo',
  noArp: false,
  kind: name === 'lo' ? null : 'veth',
  portKind: null,
  master: null,
  addresses,
  ...more,
});

export const vip = (ip: string, services: readonly Service[] = [], device: string = LO): DesiredVip => ({
  address: ip as Ip,
  device: device as InterfaceName,
  services,
});

export const onLo = [
  address('127.0.0.1', 8, { scope: 'host' }),
  address(VIP, 32, { scope: 'host' }),
  address(VIP6, 128, { preferredSeconds: 0 }),
];

export const lo = link('lo', 1, onLo);
export const eth0 = link('eth0', 2, [
  address(RIP, 24),
  address('fd00::11', 64),
  address('fe80::11', 64, { scope: 'link' }),
]);

export const way = (
  to: string,
  route: Partial<NonNullable<RouteAnswer['route']>> | null,
  from: string | null = null,
): RouteAnswer => ({
  to: to as Ip,
  from: from as Ip | null,
  route:
    route === null ? null : { type: 'unicast', device: 'eth0' as InterfaceName, gateway: null, source: RIP, ...route },
});

export const cleanRouting: Routing = {
  answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: ROUTER }), way(CLIENT, { gateway: ROUTER, source: VIP }, VIP)],
  main: [
    { device: 'eth0' as InterfaceName, destination: '0.0.0.0' as Ip, prefixLength: 0, gateway: ROUTER },
    { device: 'eth0' as InterfaceName, destination: '10.0.0.0' as Ip, prefixLength: 24, gateway: null },
  ],
  proxyNeighbours: [],
  own: [],
  nearReplies: [],
  behindRoutes: [],
  hops: [],
  arrivals: [],
};

export const knobs = (values: Readonly<Record<string, number>>): Observed['knobs'] =>
  new Map(Object.entries(values).map(([path, number]) => [path, value(number)]));

/** Readings of the managed keys; as wanted where nothing is said. */
export const arpReadings = (readings: Partial<ArpSettings>): ArpSettings =>
  forEachArpKey((key) => readings[key] ?? value(MANAGED[key].wanted));

export const arp = (values: Readonly<Record<string, readonly [ignore: number, announce: number]>>): Observed['arp'] =>
  value(
    new Map(
      Object.entries(values).map(([name, [ignore, announce]]): [string, ArpSettings] => [
        name,
        arpReadings({ arp_ignore: value(ignore), arp_announce: value(announce) }),
      ]),
    ),
  );

export const file = (path: string, text: string): FoundFile => ({ path, content: value(text) });

export const socket = (text: string, more: Partial<ServiceSocket> = {}): ServiceSocket => {
  const [, protocol, host = '', port] = /^(tcp|udp) (.+):(\d+)$/.exec(text) ?? [];
  const ip = host.replace(/^\[|\]$/g, '') as Ip;
  return {
    protocol: protocol === 'tcp' ? 'tcp' : 'udp',
    family: isIpv6(ip) ? 6 : 4,
    address: ip,
    port: Number(port),
    process: 'named (pid 812)',
    device: '',
    only6: null,
    asksDestination: absent,
    ...more,
  };
};

export const sockets = (...list: readonly ServiceSocket[]): Services => ({
  sockets: value(list),
  elsewhere: [],
  probes: [],
});

export const wanted = (more: Partial<Desired> = {}): Desired => ({
  ...emptyDesired,
  vips: [vip(VIP), vip(VIP6)],
  directors: [DIRECTOR],
  persist: true,
  ...more,
});

export interface Case {
  readonly desired?: Partial<Desired>;
  readonly observed?: Partial<Observed>;
}

/** What the kernel makes of each address (fib_add_ifaddr()). */
const hostRoutes = (links: Observed['links']): readonly LocalRoute[] =>
  (links.kind === 'value' ? links.value : []).flatMap(({ name: device, addresses }) =>
    addresses.map(({ ip }) => ({ destination: ip, prefixLength: hostPrefixLength(ip), device })),
  );

export function contextOf({ desired = {}, observed = {} }: Case = {}): CheckContext {
  const asked = wanted(desired);
  const links = observed.links ?? value([lo, eth0]);
  return {
    desired: asked,
    observed: {
      ...NOT_LOOKED_AT,
      links,
      localRoutes: value(hostRoutes(links)),
      arp: arp({ all: [1, 2], default: [1, 2], lo: [0, 0], eth0: [0, 0] }),
      sysctlFile: value(renderSysctlFile([])),
      change: null,
      routing: value(cleanRouting),
      ...observed,
    },
    ledger: value(ledgerFor(asked)),
  };
}

const ledgerFor = (desired: Desired): Ledger => ({
  format: LEDGER_FORMAT,
  machineId: null,
  addresses: desired.vips.map(({ address: ip, device }) => ({
    ...{ ip, device, prefixLength: hostPrefixLength(ip) },
    origin: 'added',
  })),
  sysctls: [],
  snapshot: {},
  taken: [],
  applied: { desired, at: '2027-01-01T00:00:00.000Z' },
  intent: null,
});

export const TODAY = '2027-01-15';

export function judged(given: Case = {}): Judgement {
  const judgement = judge(contextOf(given), TODAY, CHECKS);
  for (const finding of judgement.unfolded) {
    const flagged = checkNamed(finding.check)?.silences === true;
    if (finding.kind === 'wrong' && finding.vouch === 'silence' && !flagged)
      throw new Error(`${finding.check} found that this host cannot serve, and has no \`silences: true\``);
  }
  return judgement;
}

/** `critical arp-ignore@all`, `unknown service-source@…`, in the order of the report; consequences are folded away. */
export const found = (given: Case = {}): string[] => judged(given).findings.map(oneLine);

const oneLine = (finding: Finding): string =>
  `${finding.kind === 'unknown' ? 'unknown' : finding.severity} ${finding.id}`;
