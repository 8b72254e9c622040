// The ways packets take: directors, gateways, reverse path filter, source addresses.
import { describe, expect, it } from 'vitest';
import type { Ip } from '../../../../src/core/model/names.ts';
import type { Link, LocalRoute } from '../../../../src/core/model/observed.ts';
import { value } from '../../../../src/core/model/reading.ts';
import type { Arrival, Routing } from '../../../../src/core/model/surroundings.ts';
import {
  address,
  type Case,
  CLIENT,
  cleanRouting,
  DIRECTOR,
  eth0,
  found,
  knobs,
  link,
  lo,
  onLo,
  RIP,
  ROUTER,
  VIP,
  VIP6,
  vip,
  way,
} from './host.ts';

const routed = (more: Partial<Routing>, observed: NonNullable<Case['observed']> = {}): Case => ({
  observed: { routing: value({ ...cleanRouting, ...more }), ...observed },
});
const withLinks = (...links: readonly Link[]): NonNullable<Case['observed']> => ({ links: value(links) });
const eth1 = link('eth1', 3, [address('192.168.5.11', 24)]);
const twoArmed = (knobValues: Readonly<Record<string, number>>, leaves = 'eth1'): Case =>
  routed(
    {
      answers: [
        way(DIRECTOR, {}),
        way(CLIENT, { gateway: '192.168.5.1' as never, device: leaves as never, source: '192.168.5.11' as never }),
        way(CLIENT, { gateway: '192.168.5.1' as never, device: leaves as never, source: VIP }, VIP),
      ],
    },
    { ...withLinks(lo, eth0, eth1), knobs: knobs(knobValues) },
  );
const arrival = (from: Ip, client: Arrival['client'], accepted: boolean): Arrival => ({
  ...{ vip: VIP, from, device: 'eth0' as never, client, accepted },
});
const asked = ({ observed = {} }: Case, more: Partial<Routing>): Case => ({
  observed: {
    ...observed,
    ...(observed.routing?.kind === 'value' ? { routing: value({ ...observed.routing.value, ...more }) } : {}),
  },
});
const conf = (all: number, own: number) => ({
  'net/ipv4/conf/all/rp_filter': all,
  'net/ipv4/conf/eth0/rp_filter': own,
});
const local = (destination: string, prefixLength: number): LocalRoute => ({
  ...{ destination: destination as never, prefixLength, device: 'lo' as never },
});
/** A VIP of scope global, as `ip address add VIP/32 dev lo` leaves it. */
const globalOnLo = link('lo', 1, [address('127.0.0.1', 8, { scope: 'host' }), address(VIP, 32), ...onLo.slice(2)]);
const bare = link('eth1', 3, []);
const main = (device: string) => [
  ...cleanRouting.main,
  { ...cleanRouting.main[1], device } as (typeof cleanRouting.main)[0],
];

const cases: readonly (readonly [name: string, given: Case, wanted: readonly string[]])[] = [
  ['nothing wrong', {}, []],
  // The reverse path filter, where packets come in by one NIC and leave by another.
  ['rp_filter strict, one way in and out', { observed: { knobs: knobs(conf(1, 1)) } }, []],
  ['rp_filter strict by all, another way out', twoArmed(conf(1, 0)), ['high rp-filter@eth0']],
  ['rp_filter strict by the interface, another way out', twoArmed(conf(0, 1)), ['high rp-filter@eth0']],
  ['2 on the interface is looser than 1 on all', twoArmed(conf(1, 2)), []],
  ['2 on all is looser than 1 on the interface', twoArmed(conf(2, 1)), []],
  ['no filter, another way out', twoArmed(conf(0, 0)), []],
  [
    'rp_filter strict on a tunnel that holds the VIP (LVS-TUN)',
    {
      desired: { vips: [vip(VIP, [], 'tunl0')] },
      observed: {
        ...withLinks(
          link('lo', 1, onLo.slice(0, 1)),
          eth0,
          link('tunl0', 4, [address(VIP, 32, { scope: 'host' })], { kind: 'ipip', noArp: true }),
        ),
        knobs: knobs({ 'net/ipv4/conf/all/rp_filter': 1 }),
      },
    },
    ['high rp-filter@tunl0'],
  ],
  [
    'rp_filter strict on the port of a VRF: another table decides',
    {
      ...twoArmed(conf(1, 1)),
      observed: {
        ...twoArmed(conf(1, 1)).observed,
        ...withLinks(lo, { ...eth0, master: 'blue' as never }, eth1, link('blue', 5, [], { kind: 'vrf', noArp: true })),
      },
    },
    [],
  ],
  [
    'rp_filter strict, and the kernel lets it in all the same (several next hops)',
    asked(twoArmed(conf(1, 1)), { arrivals: [arrival(CLIENT, 'far', true)] }),
    [],
  ],
  [
    'rp_filter strict, and the kernel says that it drops it',
    asked(twoArmed(conf(1, 1)), { arrivals: [arrival(CLIENT, 'far', false)] }),
    ['high rp-filter@eth0'],
  ],
  // Rules of the routing policy
  [
    'the kernel takes in no packets of a director',
    routed({ arrivals: [arrival(DIRECTOR, 'near', false), arrival(CLIENT, 'far', false)] }),
    [`high vip-unroutable@${VIP}`],
  ],
  [
    'the kernel takes in no packets from far away',
    routed({ arrivals: [arrival(DIRECTOR, 'near', true), arrival(CLIENT, 'far', false)] }),
    [`high vip-unroutable@${VIP}`],
  ],
  [
    'nor could any answer leave: there is no default route',
    routed({
      answers: [way(DIRECTOR, {}), way(CLIENT, null), way(CLIENT, null, VIP)],
      arrivals: [arrival(DIRECTOR, 'near', true), arrival(CLIENT, 'far', false)],
    }),
    [],
  ],
  [
    'replies of the VIP have no way, the host’s own packets have',
    routed({ answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: ROUTER }), way(CLIENT, null, VIP)] }),
    [`high no-way-back@${VIP}`],
  ],
  [
    'replies of the VIP to clients nearby have no way',
    routed({ nearReplies: [way(DIRECTOR, null, VIP)] }),
    [`high no-way-back@${VIP}`],
  ],
  [
    'a VRF: its tables were not asked',
    {
      desired: { vips: [vip(VIP, [], 'red')] },
      observed: {
        routing: value({ ...cleanRouting, answers: [way(DIRECTOR, null), way(CLIENT, {}), way(CLIENT, null, VIP)] }),
        localRoutes: value([]),
        ...withLinks(
          link('lo', 1, onLo.slice(0, 1)),
          { ...eth0, master: 'red' as never },
          link('red', 5, [address(VIP, 32, { scope: 'host' })], { kind: 'vrf', noArp: true }),
        ),
      },
    },
    [],
  ],
  // Replies through a director.
  [
    'one of several next hops is the director',
    routed({
      hops: [{ from: VIP, hops: [ROUTER, DIRECTOR].map((gateway) => ({ device: 'eth0' as never, gateway })) }],
    }),
    [`high gateway-is-director@${DIRECTOR}`],
  ],
  [
    'one network behind the director',
    routed({ main: [...cleanRouting.main, { ...cleanRouting.main[1], gateway: DIRECTOR } as never] }),
    [`advice gateway-is-director@${DIRECTOR}`],
  ],
  // The VIP as the source of this host’s own packets.
  [
    'a route to one network has the VIP as its source',
    routed({ behindRoutes: [way('10.9.0.129', { gateway: ROUTER, source: VIP })] }),
    [`high vip-as-source@${VIP}`],
  ],
  [
    'the default gateway is the director, and no VIP is there to ask for',
    routed({
      main: [{ ...cleanRouting.main[0], gateway: DIRECTOR } as never],
      answers: [way(DIRECTOR, {}), way(CLIENT, null, VIP)],
    }),
    [`high gateway-is-director@${DIRECTOR}`],
  ],
  [
    'replies go through the director by a rule',
    routed({ answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: DIRECTOR, source: VIP }, VIP)] }),
    [`high gateway-is-director@${DIRECTOR}`],
  ],
  [
    'the default gateway is the director, but a rule sends replies another way',
    routed({
      main: [{ ...cleanRouting.main[0], gateway: DIRECTOR } as never],
      answers: [
        way(DIRECTOR, {}),
        way(CLIENT, { gateway: DIRECTOR }),
        way(CLIENT, { gateway: ROUTER, source: VIP }, VIP),
      ],
    }),
    [],
  ],
  // A director that is not on the segment.
  [
    'the director behind a router',
    routed({ answers: [way(DIRECTOR, { gateway: ROUTER })] }),
    [`high director-off-link@${DIRECTOR}`],
  ],
  ['no route to the director', routed({ answers: [way(DIRECTOR, null)] }), [`high director-off-link@${DIRECTOR}`]],
  [
    'the director is this host',
    { desired: { directors: [RIP] }, ...routed({ answers: [way(RIP, { type: 'local', device: 'lo' as never })] }) },
    [`high director-off-link@${RIP}`],
  ],
  [
    'the director is this host, and it is a localnode',
    {
      desired: { directors: [RIP], role: 'localnode' },
      ...routed({ answers: [way(RIP, { type: 'local', device: 'lo' as never })] }),
    },
    [],
  ],
  [
    'the director swallowed by a wide prefix',
    {
      observed: {
        routing: value({ ...cleanRouting, answers: [way(DIRECTOR, { type: 'local', device: 'lo' as never })] }),
        ...withLinks(
          link('lo', 1, [address('127.0.0.1', 8, { scope: 'host' }), address(VIP, 24), ...onLo.slice(2)]),
          eth0,
        ),
        localRoutes: value([local('10.0.0.0', 24), local(VIP6, 128)]),
      },
    },
    [`critical vip-prefix@${VIP}`],
  ],
  // A NIC without an address of its own.
  [
    'a NIC without an address borrows a VIP of scope global',
    routed({ main: main('eth1') }, withLinks(globalOnLo, eth0, bare)),
    ['critical arp-sender@eth1', `advice vip-scope@${VIP}`],
  ],
  ['a VIP of scope host is not borrowed', routed({ main: main('eth1') }, withLinks(lo, eth0, bare)), []],
  [
    'no route leads through the NIC without an address',
    routed({}, withLinks(globalOnLo, eth0, bare)),
    [`advice vip-scope@${VIP}`],
  ],
  [
    'a bridge port never asks',
    routed({ main: main('eth1') }, withLinks(globalOnLo, eth0, { ...bare, portKind: 'bridge' })),
    [`advice vip-scope@${VIP}`],
  ],
  [
    'another address on lo comes first',
    routed(
      { main: main('eth1') },
      withLinks(link('lo', 1, [address('192.0.2.1', 32), ...globalOnLo.addresses]), eth0, bare),
    ),
    [`advice vip-scope@${VIP}`],
  ],
  [
    'packets leave by the NIC without an address',
    routed(
      { main: main('eth1'), answers: [way(DIRECTOR, {}), way(CLIENT, { device: 'eth1' as never, source: VIP })] },
      withLinks(globalOnLo, eth0, bare),
    ),
    ['critical arp-sender@eth1', `advice vip-scope@${VIP}`],
  ],
  [
    'a route with src VIP',
    routed({ answers: [way(DIRECTOR, {}), way(CLIENT, { gateway: ROUTER, source: VIP })] }),
    [`high vip-as-source@${VIP}`],
  ],
  // The VIP as a source, for IPv6.
  [
    'an IPv6 VIP as the source',
    routed({ answers: [...cleanRouting.answers, way('2001:db8:ffff::1', { source: VIP6 })] }),
    [`high vip-as-source@${VIP6}`],
  ],
  [
    'the VIP itself looked up is local',
    routed({ answers: [...cleanRouting.answers, way(VIP, { type: 'local', source: VIP })] }),
    [],
  ],
];

describe('ways of packets', () => {
  it.each(cases)('%s', (_name, given, wanted) => expect(found(given)).toEqual(wanted));
});
