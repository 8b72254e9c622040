// Random states of a real server with two interfaces, as far as they decide what `probe self` looks at.
import { type Network, RIP, VIP, VIP6 } from '../../support/netns.ts';
import { startEcho } from '../../support/tools.ts';

export const RIP1 = '10.1.0.11';
const PEER1 = '10.1.0.50';
export const PORT = 5353;

export interface State {
  readonly vipOn: readonly ('lo' | 'eth0' | 'eth1')[];
  readonly vipScope: 'host' | 'global';
  readonly vip6On: readonly ('lo' | 'eth0')[];
  readonly ignore: Readonly<Record<'all' | 'eth0' | 'eth1', number>>;
  readonly arpFilter: 0 | 1;
  readonly rpFilter: 0 | 1 | 2;
  readonly secondAddress: boolean;
  readonly proxy6: boolean;
  /** Drops ARP questions on their way in: those for the VIP, or all. */
  readonly filter: 'none' | 'vip' | 'all';
  readonly service: 'none' | 'plain' | 'pktinfo' | 'vip' | 'rip';
}

export function randomState(random: () => number): State {
  const pick = <T>(...items: readonly [T, ...T[]]): T => items[Math.floor(random() * items.length)] ?? items[0];
  const ignore = (): number => (random() < 0.6 ? pick(0, 1, 1, 2) : pick(-1, 3, 4, 5, 6, 7, 8, 9));
  return {
    vipOn: pick<State['vipOn']>(['lo'], ['lo'], ['lo'], ['lo', 'eth0'], ['eth1'], ['eth0'], []),
    vipScope: pick('host', 'host', 'global'),
    vip6On: pick<State['vip6On']>(['lo'], ['lo'], ['lo', 'eth0'], ['eth0'], []),
    ignore: { all: ignore(), eth0: ignore(), eth1: ignore() },
    arpFilter: pick(0, 0, 1),
    rpFilter: pick(0, 1, 2),
    secondAddress: random() < 0.7,
    proxy6: random() < 0.25,
    filter: pick('none', 'none', 'none', 'none', 'vip', 'all'),
    service: pick('none', 'plain', 'pktinfo', 'vip', 'rip'),
  };
}

/** Makes a fresh real server so; its second interface ends at the client. */
export async function enter(net: Network, state: State): Promise<void> {
  const { rs, client } = net;
  rs.ip(`link add name eth1 type veth peer name eth1 netns ${client.namespace}`);
  for (const host of [rs, client]) host.batch(['link set eth1 addrgenmode none', 'link set eth1 up']);
  rs.ip('addr add fe80::111/64 dev eth1 nodad');
  client.ip(`addr add ${PEER1}/24 dev eth1`);
  if (state.secondAddress) rs.ip(`addr add ${RIP1}/24 dev eth1`);
  const vips = state.vipOn.map((on) => `addr add ${VIP}/32 dev ${on}${on === 'lo' ? ` scope ${state.vipScope}` : ''}`);
  const vips6 = state.vip6On.map((on) => `addr add ${VIP6}/128 dev ${on} nodad`);
  const proxy = state.proxy6 ? [`neigh add proxy ${VIP6} dev eth0`] : [];
  rs.batch([...vips, ...vips6, ...proxy]);
  const settings: readonly (readonly [string, number])[] = [
    ...(['all', 'eth0', 'eth1'] as const).map(
      (scope) => [`ipv4/conf/${scope}/arp_ignore`, state.ignore[scope]] as const,
    ),
    ['ipv4/conf/all/arp_filter', state.arpFilter],
    ['ipv4/conf/all/rp_filter', state.rpFilter],
    // So that answers leave as the RIP's and the peers' tables stay clean.
    ['ipv4/conf/all/arp_announce', 2],
    ['ipv6/conf/all/forwarding', state.proxy6 ? 1 : 0],
    ['ipv6/conf/all/proxy_ndp', state.proxy6 ? 1 : 0],
    ['ipv6/neigh/eth0/proxy_delay', 0],
  ];
  rs.must(['sh', '-ec', settings.map(([path, value]) => `echo ${value} >/proc/sys/net/${path}`).join('\n')]);
  if (state.filter !== 'none') {
    const rule = state.filter === 'all' ? 'arp operation request drop' : `arp daddr ip ${VIP} drop`;
    const chain = 'add table arp f; add chain arp f i { type filter hook input priority 0; }';
    rs.must(['nft', `${chain}; add rule arp f i ${rule}`]);
  }
  if (state.service === 'none') return;
  const bind = { plain: '0.0.0.0', pktinfo: '0.0.0.0', vip: VIP, rip: RIP }[state.service];
  if (state.service === 'vip' && state.vipOn.length === 0) return;
  await startEcho(net, { port: PORT, bind, pktinfo: state.service === 'pktinfo' });
}
