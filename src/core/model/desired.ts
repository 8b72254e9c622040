import type { InterfaceName, Ip } from './names.ts';

/** One service the director offers on a VIP. DR rewrites the destination MAC only, so the RS must use the same port. */
export interface Service {
  readonly protocol: 'tcp' | 'udp';
  /** 1 to 65535. */
  readonly port: number;
  /** Request and expected reply as hex digits; asked from a socket bound to the RIP. UDP and TCP. */
  readonly probe?: { readonly send: string; readonly expect: string };
}

export interface DesiredVip {
  readonly address: Ip;
  /** The device that holds the VIP: lo unless configured. */
  readonly device: InterfaceName;
  readonly services: readonly Service[];
}

/** An `ignore:` entry: findings whose id matches the glob are shown as ignored and count for nothing until they expire. */
export interface IgnoreRule {
  /** Glob over finding ids, such as `arp-ignore@eth9` or `vip-*`. `*` matches any run of characters, `?` one. */
  readonly id: string;
  readonly reason: string;
  /** Last day it holds, ISO date, UTC. */
  readonly until: string | null;
}

export interface ResponderConfig {
  /** UDP port, 1 to 65535. */
  readonly port: number;
  readonly intervalMs: number;
  readonly leaseMs: number;
  readonly onDrift: 'silent' | 'report';
  readonly unknownGraceMs: number;
  /** How long the responder stays silent before it ends on SIGTERM. */
  readonly stopGraceMs: number;
}

export interface ReportConfig {
  /** Absolute path of node_exporter's textfile, or null. */
  readonly textfile: string | null;
  readonly remindMs: number;
}

export interface FarmRealServer {
  readonly rip: Ip;
  readonly weight: number;
}

export interface FarmConfig {
  readonly scheduler: string;
  readonly realServers: readonly FarmRealServer[];
}

/** What the configuration asks of this host, parsed and normalised. */
export interface Desired {
  readonly vips: readonly DesiredVip[];
  /** The real server's own address, if configured. */
  readonly rip: Ip | null;
  readonly directors: readonly Ip[];
  readonly role: 'real-server' | 'localnode';
  /** Whether the sysctls are written to /etc/sysctl.d. */
  readonly persist: boolean;
  readonly responder: ResponderConfig;
  readonly report: ReportConfig;
  readonly ignore: readonly IgnoreRule[];
  readonly farm: FarmConfig | null;
}

/** Where the configuration is, unless `--config` says otherwise. */
export const CONFIG_PATH = '/etc/rsprep/rsprep.yaml';

/** Where the configuration says nothing. */
export const DEFAULT_RESPONDER: ResponderConfig = {
  port: 5300,
  intervalMs: 1000,
  leaseMs: 5000,
  onDrift: 'silent',
  unknownGraceMs: 60_000,
  stopGraceMs: 2000,
};
export const DEFAULT_REPORT: ReportConfig = { textfile: null, remindMs: 86_400_000 };

/** What is left of a configuration that cannot be read: nothing is asked for. */
export const emptyDesired: Desired = {
  vips: [],
  rip: null,
  directors: [],
  role: 'real-server',
  persist: false,
  responder: DEFAULT_RESPONDER,
  report: DEFAULT_REPORT,
  ignore: [],
  farm: null,
};
