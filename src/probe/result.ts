import type { Severity } from '../core/model/finding.ts';
import type { Ip } from '../core/model/names.ts';
import type { FailureKind } from '../core/report/report.ts';

/** What a probe is called in results, in `ignore:` and in findings of `verify --probe`. */
export type ProbeId =
  | 'probe-arp'
  | 'probe-ndp'
  | 'probe-udp-source'
  | 'probe-service'
  | 'probe-claim'
  | 'probe-traffic';

interface Base {
  readonly probe: ProbeId;
  /** What was probed: `eth0`, `10.0.0.100`, `10.0.0.100/udp/53`. */
  readonly subject: string;
}

/** As wanted. `control` says what proved that a leak would have been seen. */
export interface Good extends Base {
  readonly outcome: 'good';
  readonly seen: string;
  readonly control: string;
}

export interface Bad extends Base {
  readonly outcome: 'wrong';
  readonly severity: Exclude<Severity, 'advice'>;
  readonly wanted: string;
  readonly seen: string;
  readonly why: string;
  readonly next: string;
  readonly vips: readonly Ip[];
}

/** Could not tell: the control failed, or something the probe needs is missing. Never a pass. */
export interface Void extends Base {
  readonly outcome: 'void';
  readonly reason: string;
  readonly next: string;
  readonly forLackOfPrivilege: boolean;
}

/** Nothing there that could go wrong, or nothing known to ask. Counts for nothing. */
export interface Skipped extends Base {
  readonly outcome: 'skipped';
  readonly reason: string;
}

export type ProbeResult = Good | Bad | Void | Skipped;

export interface ProbeFailure {
  readonly kind: FailureKind;
  readonly message: string;
  readonly next: string;
}

/** Everything a probe command has to say. */
export interface ProbeRun {
  readonly command: 'probe self' | 'probe arp' | 'probe service' | 'probe watch';
  readonly host: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly results: readonly ProbeResult[];
  /** What a person should know besides. */
  readonly notes: readonly string[];
  /** Why nothing was probed at all. */
  readonly failure: ProbeFailure | null;
  readonly durationMs: number;
}

export type Tried<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'failed'; readonly failure: ProbeFailure };

export const ok = <T>(value: T): Tried<T> => ({ kind: 'ok', value });
export const failed = (failure: ProbeFailure): Tried<never> => ({ kind: 'failed', failure });

export const voided = (
  probe: ProbeId,
  subject: string,
  { message, next, kind }: Pick<ProbeFailure, 'message' | 'next'> & { readonly kind?: FailureKind },
): Void => ({ probe, subject, outcome: 'void', reason: message, next, forLackOfPrivilege: kind === 'permission' });
