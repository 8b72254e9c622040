import type { InterfaceName, Ip } from './names.ts';
import { absent, type Reading, value } from './reading.ts';

/**
 * What verify looks at besides addresses and ARP settings. A section that is null was not looked at, because the configuration
 * gives no reason to; what could not be looked at is a reading that says so.
 */
export interface Surroundings {
  /**
   * Integer sysctls by their slash form, such as `net/ipv4/conf/eth0/rp_filter`; one that is not there is not in it.
   * `net/ipv4/conf` itself is in it where that folder could not be listed.
   */
  readonly knobs: ReadonlyMap<string, Reading<number>>;
  readonly routing: Reading<Routing> | null;
  readonly sysctlFiles: SysctlFiles | null;
  /** Files read at boot, or by keepalived, that name a configured VIP. */
  readonly vipFiles: readonly FoundFile[];
  /** Absent on a host that systemd does not boot. */
  readonly bootUnit: Reading<BootUnit>;
  readonly services: Services | null;
  /** Virtual services of IPVS; absent where the kernel has none. */
  readonly ipvs: Reading<Ipvs>;
  readonly keepalived: Reading<'runs' | 'starts at boot' | 'idle'>;
  /** Null where nobody may look and nothing gives a reason to. */
  readonly firewall: Firewall | null;
  /** Name servers of /etc/resolv.conf. */
  readonly resolvers: readonly Ip[];
}

/** A text file, by the path an administrator knows: without `--root`. */
export interface FoundFile {
  readonly path: string;
  readonly content: Reading<string>;
}

/** Every file that systemd-sysctl(8) or `sysctl --system` could read; which of them count, and in which order, is judged. */
export interface SysctlFiles {
  readonly files: readonly FoundFile[];
  /** Who applies them when this host boots; null where that cannot be told. */
  readonly bootReader: 'systemd' | 'procps' | null;
}

export interface Routing {
  /** About each director and an address far away, without a source and, far away, from each VIP. */
  readonly answers: readonly RouteAnswer[];
  /** About each VIP itself, where no director is configured. */
  readonly own: readonly RouteAnswer[];
  /** About each director, from each VIP: replies to clients on its segment. */
  readonly nearReplies: readonly RouteAnswer[];
  /** About one address behind each route of the main table. */
  readonly behindRoutes: readonly RouteAnswer[];
  /** Every way that replies from a VIP to an address far away may take: a route may have several next hops. */
  readonly hops: readonly ReplyHops[];
  readonly arrivals: readonly Arrival[];
  /** IPv4 routes of the main table (/proc/net/route). */
  readonly main: readonly MainRoute[];
  readonly proxyNeighbours: readonly { readonly ip: Ip; readonly device: InterfaceName }[];
}

/** What the kernel answered to `ip route get TO [from FROM]`; null where it has no route. */
export interface RouteAnswer {
  readonly to: Ip;
  readonly from: Ip | null;
  readonly route: {
    /** `unicast`, `local` … */
    readonly type: string;
    readonly device: InterfaceName | null;
    readonly gateway: Ip | null;
    readonly source: Ip | null;
  } | null;
}

export interface ReplyHops {
  readonly from: Ip;
  readonly hops: readonly { readonly device: InterfaceName; readonly gateway: Ip | null }[];
}

/** Whether the kernel would take in a client’s packet for a VIP by a device (`ip route get VIP from CLIENT iif DEVICE`). */
export interface Arrival {
  readonly vip: Ip;
  readonly from: Ip;
  readonly device: InterfaceName;
  /** far: a client somewhere · near: one on the director’s segment. */
  readonly client: 'far' | 'near';
  readonly accepted: boolean;
}

export interface MainRoute {
  readonly device: InterfaceName;
  readonly destination: Ip;
  readonly prefixLength: number;
  readonly gateway: Ip | null;
}

export interface BootUnit {
  readonly state: 'not-installed' | 'disabled' | 'masked' | 'enabled';
  readonly path: string;
  /** Programs it starts that are not there. */
  readonly missing: readonly string[];
}

export interface Services {
  readonly sockets: Reading<readonly ServiceSocket[]>;
  /** Sockets on a configured port in other network namespaces; looked for only where nothing answers for a service here. */
  readonly elsewhere: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number; readonly process: string }[];
  readonly probes: readonly ProbeResult[];
}

/** A TCP listener or an unconnected UDP socket on a configured port. */
export interface ServiceSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  /** `0.0.0.0` or `::` for every address. */
  readonly address: Ip;
  readonly port: number;
  /** `named (pid 812)`, or null where no process that we may look at holds it. */
  readonly process: string | null;
  /** The device it is bound to, `''` for none, null where that cannot be told. */
  readonly device: string | null;
  /** IPV6_V6ONLY; null where that cannot be told or does not matter. */
  readonly only6: boolean | null;
  /** Whether the socket asks for the address each datagram was sent to. Only for wildcard UDP sockets. */
  readonly asksDestination: Reading<boolean>;
}

export interface ProbeResult {
  readonly vip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly outcome:
    | { readonly kind: 'as-expected'; readonly milliseconds: number }
    | { readonly kind: 'no-answer'; readonly reason: string }
    | { readonly kind: 'wrong-source'; readonly source: string }
    | { readonly kind: 'wrong-answer'; readonly received: string }
    | { readonly kind: 'not-asked'; readonly reason: string };
}

export interface Ipvs {
  readonly services: readonly {
    readonly protocol: string;
    /** Null for a firewall mark. */
    readonly ip: Ip | null;
    readonly port: number | null;
  }[];
  /** Modes of the connection sync daemon that run; a reading, because asking needs ipvsadm(8) and root. */
  readonly syncDaemon: Reading<readonly ('master' | 'backup')[]>;
}

export interface Firewall {
  /** What `nft -j list ruleset` printed. */
  readonly nft: Reading<unknown>;
  readonly tables: readonly SavedTables[];
  /** What `arptables -L -n` printed; absent where no legacy table is in use, or where the sysctls need no filter’s help. */
  readonly arptables: Reading<string>;
}

/** What iptables-save printed. */
export interface SavedTables {
  /** legacy: in use beside nft · nft: the same rules that nft prints without the options of iptables’ extensions. */
  readonly by: 'nft' | 'legacy';
  readonly family: 'ip' | 'ip6';
  readonly rules: Reading<string>;
}

/** For a host that was not asked about any of it. */
export const NOT_LOOKED_AT: Surroundings = {
  knobs: new Map(),
  routing: null,
  sysctlFiles: null,
  vipFiles: [],
  bootUnit: absent,
  services: null,
  ipvs: absent,
  keepalived: value('idle'),
  firewall: null,
  resolvers: [],
};
