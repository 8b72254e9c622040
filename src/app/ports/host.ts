import type { Action } from '../../core/model/action.ts';
import type { BootMoment, BootSpan } from '../../core/model/boot-clock.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Ledger } from '../../core/model/ledger.ts';
import type { Observed } from '../../core/model/observed.ts';
import type { Override } from '../../core/model/override.ts';
import type { Reading } from '../../core/model/reading.ts';
import type { FailureKind } from '../../core/report/report.ts';

/** All that a read-only use case can reach: nothing in it can change the host. */
export interface Looking {
  observe(desired: Desired | null, forChange: boolean): Observed;
  readLedger(): Reading<Ledger>;
  readOverrides(): Reading<readonly Override[]>;
  hostName(): string;
  now(): Date;
  /** Milliseconds of a clock that never jumps. */
  monotonicMs(): number;
  /** Deadlines run on it: nobody can set it. */
  bootClock(): Reading<BootMoment>;
}

export interface ActionResult {
  readonly action: Action;
  readonly status: 'done' | 'failed' | 'not-run';
  /** Why it failed, or what was special about it. */
  readonly detail: string | null;
  /** Failed, and nobody could see whether the kernel had taken it: it has to be taken back like one that is done. */
  readonly uncertain?: true;
}

export interface PerformContext {
  /** Inherited by every child that changes the host. */
  readonly lockFd: number | null;
  /** For one child, in milliseconds. */
  readonly timeoutMs: number;
  /** Asked between two steps: Ctrl-C or SIGTERM came. */
  interrupted(): boolean;
  progress(done: number, total: number): void;
}

export interface HostNeeds {
  /** Whether /etc/sysctl.d will be written. */
  readonly etc: boolean;
  /** Whether the ledger will be written. */
  readonly ledger: boolean;
  /** How many addresses the ledger will hold: it needs room on the disk. */
  readonly addresses: number;
}

export type LockResult =
  | { readonly kind: 'held'; readonly fd: number; release(): void }
  | { readonly kind: 'busy'; readonly by: string }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  readonly next: string;
}

/** What a use case that changes the host needs besides. */
export interface Changing extends Looking {
  /** The ARP settings alone, at this moment. */
  arpNow(): Observed['arp'];
  /** Capability, /proc writable, ledger and /etc writable: looked at once there is something to do. */
  preflightHost(needs: HostNeeds): Failure | null;
  lock(timeoutMs: number, command: string): Promise<LockResult>;
  perform(actions: readonly Action[], context: PerformContext): Promise<readonly ActionResult[]>;
  /** fsynced before it returns. @throws the system's error. */
  writeLedger(ledger: Ledger): Promise<void>;
  deleteLedger(): void;
  /** Renames a ledger that cannot be used; returns its new path. */
  setLedgerAside(suffix: string): string;
  writeOverrides(overrides: readonly Override[]): Promise<void>;
  machineId(): Reading<string>;
  /** Starts what runs `rsprep confirm --revert` from a time on, until that has succeeded, whatever happens to this process. */
  armWatchdog(end: BootSpan, token: string): Promise<Failure | null>;
  /** One that is missed wakes up, finds nothing that waits, and ends. */
  disarmWatchdog(token: string): Promise<void>;
  /** Login name, for overrides. */
  who(): string;
  /** Established TCP connections whose local address is one of these, as `local<-peer` texts. */
  establishedTo(ips: readonly string[]): Reading<readonly string[]>;
  interrupted(): boolean;
  sleep(ms: number): Promise<void>;
}
