import type { ArpKey } from './arp-settings.ts';
import type { Desired } from './desired.ts';
import type { Severity, Verdict } from './finding.ts';
import type { Ledger } from './ledger.ts';
import type { Observed } from './observed.ts';
import type { Reading } from './reading.ts';

/** Everything a check may look at. Checks are pure: no clock, no host. */
export interface CheckContext {
  readonly desired: Desired;
  readonly observed: Observed;
  readonly ledger: Reading<Ledger>;
}

/** One thing that can be wrong with a real server. Drives verify, plan, apply, explain and the documentation. */
export interface Check {
  /** Kebab-case, stable: users write it in `ignore:`. */
  readonly id: string;
  readonly title: string;
  /** The worst it can be. */
  readonly severity: Severity;
  /** What it looks at, and the kernel's rule. */
  readonly looksAt: string;
  readonly why: string;
  readonly fix: string;
  /** Kernel function or document, RFC or man page. */
  readonly source: string;
  /** What shows the same by behaviour, or shows what this check cannot see. */
  readonly probe?: string;
  /** False: it cannot be answered before the network is up, so `apply --boot` leaves it out. */
  readonly early?: false;
  /**
   * What it looks at besides links, ARP settings, local routes and its own readings. While one of these cannot be read, judge()
   * says `unknown` in its name: helpers such as routingOf() and knob() give null then, and nothing would be found.
   */
  readonly needs?: { readonly routing?: true; readonly knobs?: RegExp };
  /** It decides between a leak and none: while it could not look, apply and heal change nothing. */
  readonly decisive?: true;
  /** It can find that this host cannot serve (`vouch: 'silence'`): while it could not look, the responder cannot tell either. */
  readonly silences?: true;
  /** False: a service that binds to the VIP starts only once apply has put it there; apply shows what it finds and does not fail for it. */
  readonly countsForApply?: false;
  /** Where `rsprep report` looks for who did it: what sets this ARP key, or what owns the address that is the subject. */
  readonly culprit?: ArpKey | 'address-owner';
  /** @param today ISO date, UTC. */
  run(context: CheckContext, today: string): readonly Verdict[];
}

/** The ledger as checks use it: one that cannot be read is reported by the check `ledger` and otherwise as if there were none. */
export const ledgerOf = (context: CheckContext): Ledger | null =>
  context.ledger.kind === 'value' ? context.ledger.value : null;
