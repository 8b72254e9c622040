import type { Desired } from '../../core/model/desired.ts';
import type { SubjectVerdict } from '../../udp/vouch.ts';
import type { Looking } from './host.ts';

/** What the responder needs besides looking. Nothing in it can change the host. */
export interface Responding extends Looking {
  /** Changes when addresses, links, ARP settings, the ledger or the overrides do; costs a fraction of an observation. */
  fingerprint(services: ReadonlySet<string>): string;
  /** Addresses of interfaces that are up, as getifaddrs(3) shows them: without ip(8), and without knowing which interface. */
  addresses(): ReadonlySet<string>;
  /** CLOCK_BOOTTIME, milliseconds. */
  bootMs(): number;
  /** What the configuration file says by now; read again only after it has changed. */
  configuration(): Promise<ConfigurationNow>;
}

export type ConfigurationNow =
  | { readonly kind: 'ok'; readonly desired: Desired }
  | { readonly kind: 'unusable'; readonly reason: string };

/** For `rsprep status` and the textfile. */
export interface ResponderState {
  readonly host: SubjectVerdict;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly subjects: Readonly<Record<string, SubjectVerdict['verdict']>>;
  readonly alarms: readonly string[];
  readonly notes: readonly string[];
  /** Observations made, and how long the last one took. */
  readonly looks: number;
  readonly lookMs: number;
}
