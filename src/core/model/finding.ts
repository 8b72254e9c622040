import type { Action } from './action.ts';
import type { Service } from './desired.ts';
import type { Ip } from './names.ts';

/** critical: leaks or could at once leak the VIP · high: loses traffic · advice: worth knowing, exits 0. */
export type Severity = 'critical' | 'high' | 'advice';
export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'advice'];

/** drift: it was right once · pending: the configuration changed since the last apply · persisted: wrong after the next boot. */
export type Cause = 'drift' | 'pending' | 'persisted';

/** What the configuration has to say about the thing found wrong; decides drift from pending. */
export type Demand =
  | { readonly kind: 'vip'; readonly ip: Ip }
  | { readonly kind: 'host' }
  | { readonly kind: 'persist' }
  /** The configuration itself: it changed since the last apply. */
  | { readonly kind: 'configuration' };

/** An option of apply without which it leaves this finding alone. */
export type NeedsOption = 'take-from-nic' | 'prune';

interface FindingBase {
  /** `arp-ignore@eth9`; the check's id alone where there is no subject. */
  readonly id: string;
  readonly check: string;
  readonly subject: string | null;
  readonly severity: Severity;
}

export interface Wrong extends FindingBase {
  readonly kind: 'wrong';
  readonly wanted: string;
  readonly seen: string;
  /** One sentence a tired administrator understands: why this hurts on a real server. */
  readonly why: string;
  /** How to fix it by hand. */
  readonly fix: string;
  /** What apply does about it; empty if apply leaves it alone. */
  readonly actions: readonly Action[];
  readonly needs: NeedsOption | null;
  readonly demand: Demand;
  readonly cause: Cause;
  /** silence: this host cannot serve, so the responder must not vouch · alarm: it can, and silence would not help. */
  readonly vouch: 'silence' | 'alarm';
  /** The VIPs that suffer; empty means the whole host. */
  readonly vips: readonly Ip[];
  /** The one service of these VIPs that suffers; null means all of them. */
  readonly service: Pick<Service, 'protocol' | 'port'> | null;
  /** Id of the finding this one is a consequence of. */
  readonly rootedIn: string | null;
  /** Ids and text of what follows from it, folded. */
  readonly consequences: readonly { readonly id: string; readonly seen: string }[];
}

/** A check that could not look. Never a pass. */
export interface Unknown extends FindingBase {
  readonly kind: 'unknown';
  readonly reason: string;
  /** What would let it look. */
  readonly wouldHelp: string;
  readonly forLackOfPrivilege: boolean;
}

export type Finding = Wrong | Unknown;

export const findingId = (check: string, subject: string | null): string =>
  subject === null ? check : `${check}@${subject}`;

/** What a check returns before causes are known. */
export type Verdict = Omit<Wrong, 'cause' | 'consequences' | 'id' | 'check'> | Omit<Unknown, 'id' | 'check'>;

type WrongInput = Pick<Wrong, 'subject' | 'severity' | 'wanted' | 'seen' | 'why' | 'fix' | 'demand'> &
  Partial<Pick<Wrong, 'actions' | 'needs' | 'vouch' | 'vips' | 'service' | 'rootedIn'>>;

export const wrong = (input: WrongInput): Verdict => ({
  kind: 'wrong',
  actions: [],
  needs: null,
  vouch: 'alarm',
  vips: [],
  service: null,
  rootedIn: null,
  ...input,
});

export const unknown = (input: Omit<Unknown, 'kind' | 'id' | 'check'>): Verdict => ({ kind: 'unknown', ...input });
