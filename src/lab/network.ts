import { existsSync } from 'node:fs';
import { run } from './child.ts';
import { PROBES, RETRANSMIT_MS } from './neighbours.ts';
import { LabError, type RemoteHost, startHost, whatWentWrong } from './remote.ts';
import { type Family, HOST_NAMES, type HostName, IPV4, IPV6, NIC } from './topology.ts';

export type Hosts = Readonly<Record<HostName, RemoteHost>>;

export interface Network {
  readonly hosts: Hosts;
  readonly families: readonly Family[];
}

/** A switch in the lab's own network namespace and the four hosts on it, each in namespaces of its own. */
export async function buildNetwork(labId: number): Promise<Network> {
  const families = existsSync('/proc/sys/net/ipv6') ? [IPV4, IPV6] : [IPV4];
  const [client, director, rs1, rs2] = await Promise.all(HOST_NAMES.map((name) => startHost(labId, name)));
  if (!client || !director || !rs1 || !rs2) throw new Error('a host is missing');
  const hosts = { client, director, rs1, rs2 };
  await Promise.all(Object.values(hosts).map((host) => host.call('sysctl', INITIAL_SYSCTLS)));
  await plugIn(Object.values(hosts));
  await Promise.all(Object.values(hosts).map((host) => configure(host, families)));
  return { hosts, families };
}

/** The settings of a host that nobody has prepared. A new namespace inherits the machine's own IPv4 values (net.core.devconf_inherit_init_net). */
const INITIAL_SYSCTLS = [
  ...['arp_ignore', 'arp_announce', 'arp_filter', 'arp_notify', 'proxy_arp', 'rp_filter', 'forwarding'].map((key) => [
    'ipv4',
    key,
    '0',
  ]),
  // An address can be used at once; nothing else on this LAN could have it.
  ...[
    ['accept_dad', '0'],
    ['disable_ipv6', '0'],
    ['accept_ra', '0'],
  ].map((pair) => ['ipv6', ...pair]),
].flatMap(([family = '', key = '', value = '']) =>
  ['all', 'default'].map((device) => ({ path: ['net', family, 'conf', device, key], value })),
);

async function plugIn(hosts: readonly RemoteHost[]): Promise<void> {
  const lines = [
    'link set lo up',
    // Without snooping every neighbour solicitation reaches every port, as on a plain switch.
    'link add name switch type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'link set switch up',
    ...hosts.flatMap(({ name, mac, pid }) => [
      `link add name ${NIC} address ${mac} netns ${pid} type veth peer name ${name}`,
      `link set ${name} master switch up`,
    ]),
  ];
  const outcome = await run({ argv: ['ip', '-batch', '-'], input: `${lines.join('\n')}\n`, timeoutMs: 10_000 });
  if (outcome.kind === 'ended' && outcome.status === 0) return;
  throw new LabError(
    `the switch could not be built: ${whatWentWrong(outcome)}`,
    'this kernel needs the modules bridge and veth: `modprobe -a bridge veth` as root, then try again',
  );
}

async function configure(host: RemoteHost, families: readonly Family[]): Promise<void> {
  const addresses = families.flatMap((family) => [
    `addr add ${family.addressOf(host.name)}/${family.version === 4 ? 24 : 64} dev ${NIC}`,
    // The director holds the VIP on its NIC and answers for it; nobody else does.
    ...(host.name === 'director' ? [`addr add ${family.vip}/${family.prefixLength} dev ${NIC}`] : []),
  ]);
  const lines = ['link set lo up', `link set ${NIC} up`, ...addresses];
  await host.must(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  if (host.name !== 'client') return;
  const neigh = families.flatMap(({ version }) =>
    Object.entries({ retrans_time_ms: RETRANSMIT_MS, ucast_solicit: PROBES, mcast_solicit: PROBES }).map(
      ([key, value]) => ({
        path: ['net', `ipv${version}`, 'neigh', NIC, key],
        value: String(value),
      }),
    ),
  );
  await host.call('sysctl', neigh);
}
