// A random real server: where its VIP is, every ARP knob, filters, proxies, routes, and how its service is bound.
import { CLIENT, DIRECTOR, RIP, VIP } from '../../support/netns.ts';

/** The RS's second NIC, in a network of its own. */
export const GATEWAY_B = '192.168.5.1';
export const RIP_B = '192.168.5.11';
/** A network that the second NIC has a route to and no address in. */
export const BARE_B = '10.77.0.1';

/** How each service port is bound; all of them wait all the time. */
export const PORTS = {
  none: 5300,
  plain: 5301,
  pktinfo: 5302,
  vip: 5303,
  rip: 5304,
  plain6: 5305,
  pktinfo6: 5306,
  /** IPV6_V6ONLY. */
  only6: 5307,
  /** With IP_PKTINFO, bound to the director’s device, or to the other one. */
  deviceA: 5308,
  deviceB: 5309,
  /** Two sockets with SO_REUSEPORT, one of them without IP_PKTINFO: some requests are answered from the wrong address. */
  pair: 5310,
} as const;
export type Binding = keyof typeof PORTS;

export interface Place {
  readonly prefixLength: 8 | 24 | 32;
  readonly scope: 'host' | 'link' | 'global';
  /** `ip address add VIP peer PEER`: the prefix is then around the peer. */
  readonly peer?: string;
}

export interface State {
  readonly onLo: Place | null;
  /** The VIP on a NIC as well. */
  readonly onNic: { readonly nic: 'a' | 'b'; readonly prefixLength: 24 | 32 } | null;
  /** Keyed by `all`, `default`, `a`, `b`. */
  readonly ignore: Readonly<Record<string, number>>;
  readonly announce: Readonly<Record<string, number>>;
  readonly rpFilter: Readonly<Record<string, number>>;
  readonly proxyArp: Readonly<Record<string, number>>;
  readonly proxyPvlan: Readonly<Record<string, number>>;
  readonly proxyEntry: 'a' | 'b' | null;
  readonly forward: boolean;
  /** Whether the second NIC has an address; without, it has a route to 10.77.0.0/24. */
  readonly numberedB: boolean;
  readonly route: 'client' | 'b' | 'two' | 'director' | 'source-vip' | 'none' | 'unreachable';
  /**
   * own-way: replies of the VIP by a table of their own · unreachable, blackhole: they end in one · refused: a rule before the
   * local table refuses what comes for the VIP.
   */
  readonly rule: 'none' | 'own-way' | 'unreachable' | 'blackhole' | 'refused';
  /** The VIP’s local route is gone, its address is not. */
  readonly noLocalRoute: boolean;
  readonly binding: Binding;
}

const pick = <T>(random: () => number, ...choices: readonly (readonly [weight: number, choice: T])[]): T => {
  let left = random() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  const [first] = choices;
  if (!first) throw new Error('nothing to choose from');
  return first[1];
};

/** Values that the kernel accepts, sensible or not. */
const any = (random: () => number): number => Math.floor(random() * 11) - 1;

export function randomState(random: () => number): State {
  // Every second state has the ARP settings of a prepared host, so that the rest is not hidden by leaks all the time.
  const prepared = random() < 0.5;
  const knob = (right: number): Readonly<Record<string, number>> => ({
    all: prepared ? right : pick(random, [6, right], [1, 0], [2, any(random)]),
    default: prepared ? right : pick(random, [6, right], [2, 0], [1, any(random)]),
    a: prepared ? 0 : pick(random, [8, 0], [1, right], [2, any(random)]),
    b: prepared ? 0 : pick(random, [8, 0], [1, right], [2, any(random)]),
  });
  const flags = (likely: number): Readonly<Record<string, number>> => ({
    all: random() < likely / 2 ? 1 : 0,
    a: random() < likely ? 1 : 0,
    b: random() < likely ? 1 : 0,
  });
  const filter = (): number => pick(random, [5, 0], [2, 1], [2, 2]);
  const numberedB = random() < 0.7;
  return {
    onLo: pick<Place | null>(
      random,
      [6, { prefixLength: 32, scope: 'host' }],
      [3, { prefixLength: 32, scope: 'global' }],
      [0.5, { prefixLength: 24, scope: 'host' }],
      [0.4, { prefixLength: 8, scope: 'global' }],
      [0.5, { prefixLength: 32, scope: 'link' }],
      [0.3, { prefixLength: 32, scope: 'global', peer: DIRECTOR }],
      [0.2, { prefixLength: 32, scope: 'host', peer: '10.0.0.77' }],
      [0.2, { prefixLength: 24, scope: 'global', peer: '10.0.0.77' }],
      [1.5, null],
    ),
    onNic: pick<State['onNic']>(
      random,
      [10, null],
      [0.6, { nic: 'a', prefixLength: 32 }],
      [0.3, { nic: 'a', prefixLength: 24 }],
      [0.3, { nic: 'b', prefixLength: 32 }],
    ),
    ignore: knob(1),
    announce: knob(2),
    rpFilter: { all: filter(), a: filter(), b: filter() },
    proxyArp: flags(0.15),
    proxyPvlan: flags(0.08),
    proxyEntry: pick<'a' | 'b' | null>(random, [10, null], [1, 'a'], [1, 'b']),
    forward: random() < 0.4,
    numberedB,
    route: pick<State['route']>(
      random,
      [6, 'client'],
      [numberedB ? 3 : 0, 'b'],
      [1, 'director'],
      [1, 'source-vip'],
      [0.7, 'none'],
      [0.4, 'unreachable'],
      [numberedB ? 0.8 : 0, 'two'],
    ),
    rule: pick<State['rule']>(
      random,
      [17, 'none'],
      [2, 'own-way'],
      [0.5, 'unreachable'],
      [0.5, 'blackhole'],
      [0.5, 'refused'],
    ),
    noLocalRoute: random() < 0.03,
    binding: pick<Binding>(
      random,
      [3, 'pktinfo'],
      [2, 'vip'],
      [1.5, 'plain'],
      [1, 'plain6'],
      [1, 'pktinfo6'],
      [0.7, 'rip'],
      [0.7, 'none'],
      [0.6, 'only6'],
      [0.6, 'deviceA'],
      [0.6, 'deviceB'],
      [0.6, 'pair'],
    ),
  };
}

/** Shell script for the RS's namespace: from whatever state before to this one. `b` is the second NIC's name. */
export function scriptFor(state: State, b: string): string {
  const device: Readonly<Record<string, string>> = { a: 'eth0', b, all: 'all', default: 'default' };
  const write = (key: string, values: Readonly<Record<string, number>>): string[] =>
    Object.entries(values).map(([name, value]) => `echo ${value} >/proc/sys/net/ipv4/conf/${device[name]}/${key}`);
  const place = ({ prefixLength, scope, peer }: Place): string =>
    `${peer === undefined ? VIP : `${VIP} peer ${peer}`}/${prefixLength} dev lo scope ${scope}`;
  const ip = [
    'addr flush dev lo',
    'addr flush dev eth0',
    `addr flush dev ${b}`,
    'addr add 127.0.0.1/8 dev lo scope host',
    `addr add ${RIP}/24 brd + dev eth0`,
    ...(state.numberedB ? [`addr add ${RIP_B}/24 brd + dev ${b}`] : []),
    ...(state.onLo ? [`addr add ${place(state.onLo)}`] : []),
    ...(state.onNic ? [`addr add ${VIP}/${state.onNic.prefixLength} dev ${device[state.onNic.nic]}`] : []),
    ...(state.numberedB ? [] : [`route add 10.77.0.0/24 dev ${b}`]),
    ...routeFor(state),
    ...ruleFor(state),
    ...(state.noLocalRoute ? [`route del local ${VIP} table local`] : []),
    ...(state.proxyEntry ? [`neigh replace proxy ${VIP} dev ${device[state.proxyEntry]}`] : []),
  ];
  return [
    'ip rule flush; ip rule add pref 0 lookup local; ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default',
    'ip route flush table main 2>/dev/null; ip route flush table 100 2>/dev/null',
    'ip neigh flush all',
    `ip neigh del proxy ${VIP} dev eth0 2>/dev/null`,
    `ip neigh del proxy ${VIP} dev ${b} 2>/dev/null`,
    `printf '%s\\n' ${ip.map((line) => `'${line}'`).join(' ')} | ip -force -batch - 2>/dev/null`,
    `echo ${state.forward ? 1 : 0} >/proc/sys/net/ipv4/ip_forward`,
    // default first: it is copied to interfaces.
    `echo ${state.ignore.default} >/proc/sys/net/ipv4/conf/default/arp_ignore`,
    `echo ${state.announce.default} >/proc/sys/net/ipv4/conf/default/arp_announce`,
    ...write('arp_ignore', state.ignore),
    ...write('arp_announce', state.announce),
    ...write('rp_filter', state.rpFilter),
    ...write('proxy_arp', state.proxyArp),
    ...write('proxy_arp_pvlan', state.proxyPvlan),
    'true',
  ].join('\n');
}

function ruleFor({ rule }: State): readonly string[] {
  switch (rule) {
    case 'none':
      return [];
    case 'own-way':
      return [`rule add pref 100 from ${VIP} lookup 100`, `route replace default via ${CLIENT} table 100`];
    case 'unreachable':
      return [`rule add pref 100 from ${VIP} unreachable`];
    case 'blackhole':
      return ['route add blackhole default table 100', `rule add pref 100 from ${VIP} lookup 100`];
    case 'refused':
      return ['rule add pref 5 lookup local', 'rule del pref 0', `rule add pref 1 to ${VIP} prohibit`];
  }
}

function routeFor({ route }: State): readonly string[] {
  switch (route) {
    case 'client':
      return [`route replace default via ${CLIENT}`];
    case 'b':
      return [`route replace default via ${GATEWAY_B}`];
    case 'director':
      return [`route replace default via ${DIRECTOR}`];
    case 'source-vip':
      return [`route replace default via ${CLIENT} src ${VIP}`, `route append default via ${CLIENT}`];
    case 'two':
      return [`route replace default nexthop via ${CLIENT} nexthop via ${GATEWAY_B}`];
    case 'unreachable':
      return ['route replace unreachable default'];
    case 'none':
      return [];
  }
}
