// The director, as real as this kernel allows: IPVS, or nftables doing the same rewrite, or the client itself.
import { DIRECTOR_MODES, type Director, type DirectorMode, type LabOptions } from './protocol.ts';
import { LabError, type RemoteHost, whatWentWrong } from './remote.ts';
import { type Family, HOSTS, NIC, REAL_SERVERS, TCP_PORT, UDP_PORT } from './topology.ts';

const WHAT: Readonly<Record<DirectorMode, string>> = {
  ipvs: 'IPVS, direct routing, round robin: the real thing',
  nft: 'nftables: rewrites the destination MAC address as IPVS does in direct routing, one real server per flow',
  neighbour: 'none: the client’s own neighbour entry for the VIP leads to one real server, then to the other',
};

/** Why a director cannot be had here; null when it is set up. */
type SetUp = (director: RemoteHost, families: readonly Family[], options: LabOptions) => Promise<string | null>;

const SET_UP: Readonly<Record<DirectorMode, SetUp>> = {
  ipvs: setUpIpvs,
  nft: setUpNft,
  // Needs nothing of the director; the requests place the entry (requests.ts).
  neighbour: async () => null,
};

/**
 * Sets the director up: the best this kernel has, or the one asked for.
 * @throws LabError when the one asked for cannot be had.
 */
export async function setUpDirector(
  director: RemoteHost,
  families: readonly Family[],
  options: LabOptions,
): Promise<Director> {
  const reasons: string[] = [];
  for (const mode of options.director === 'auto' ? DIRECTOR_MODES : [options.director]) {
    const why = await SET_UP[mode](director, families, options);
    if (why === null) {
      const asked = options.director === 'auto' ? [] : [`--director ${mode} was asked for`];
      return { mode, what: WHAT[mode], why: mode === 'ipvs' ? null : [...asked, ...reasons].join('; ') };
    }
    reasons.push(why);
  }
  throw new LabError(
    `--director ${options.director}: ${reasons.join('; ')}`,
    'leave --director out: the lab then uses the best that this machine has',
  );
}

async function setUpIpvs(
  director: RemoteHost,
  families: readonly Family[],
  options: LabOptions,
): Promise<string | null> {
  // A module can be loaded by the real root alone; whether it worked shows below.
  if (options.realRoot) await director.run(['modprobe', '-q', 'ip_vs']);
  const table = await director.run(['cat', '/proc/net/ip_vs']);
  if (table.kind === 'missing' || table.status !== 0) {
    const hint = options.realRoot ? '' : ', or its module ip_vs is not loaded, which only root can do';
    return `no IPVS: this kernel has none${hint} (no /proc/net/ip_vs)`;
  }
  const rules = families.flatMap((family) =>
    [
      ['-t', TCP_PORT],
      ['-u', UDP_PORT],
    ].flatMap(([protocol, port]) => {
      const service = `${protocol} ${bracketed(family, family.vip)}:${port}`;
      const servers = REAL_SERVERS.map(
        (name) => `-a ${service} -r ${bracketed(family, family.addressOf(name))}:${port} -g`,
      );
      return [`-A ${service} -s rr`, ...servers];
    }),
  );
  const outcome = await director.run(['ipvsadm', '--restore'], `${rules.join('\n')}\n`);
  if (outcome.kind === 'ended' && outcome.status === 0) return null;
  return `no IPVS: ${whatWentWrong(outcome)}`;
}

const bracketed = (family: Family, address: string): string => (family.version === 6 ? `[${address}]` : address);

async function setUpNft(director: RemoteHost, families: readonly Family[]): Promise<string | null> {
  const outcome = await director.run(['nft', '-f', '-'], ruleset(families));
  if (outcome.kind === 'ended' && outcome.status === 0) return null;
  return `no nftables: ${whatWentWrong(outcome)}`;
}

/** What ip_vs_dr_xmit() does, before the packet reaches the host. A hash of the flow keeps a TCP connection together. */
function ruleset(families: readonly Family[]): string {
  const servers = REAL_SERVERS.map((name, index) => `${index} : ${HOSTS[name].mac}`).join(', ');
  const rules = families.flatMap(({ version, vip }) => {
    const ip = version === 4 ? 'ip' : 'ip6';
    return [
      ['tcp', TCP_PORT],
      ['udp', UDP_PORT],
    ].map(
      ([protocol, port]) =>
        `${ip} daddr ${vip} ${protocol} dport ${port} ether saddr set ${HOSTS.director.mac} ` +
        `ether daddr set jhash ${ip} saddr . ${protocol} sport mod ${REAL_SERVERS.length} map { ${servers} } fwd to ${NIC}`,
    );
  });
  return [
    'table netdev rsprep_lab {',
    '  chain direct_routing {',
    `    type filter hook ingress device ${NIC} priority 0; policy accept;`,
    ...rules.map((rule) => `    ${rule}`),
    '  }',
    '}',
    '',
  ].join('\n');
}
