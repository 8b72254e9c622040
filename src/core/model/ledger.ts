import type { Action } from './action.ts';
import type { ArpKey, ArpSetting } from './arp-settings.ts';
import type { BootSpan } from './boot-clock.ts';
import { derived } from './derived.ts';
import type { Desired } from './desired.ts';
import type { InterfaceName, Ip } from './names.ts';

/** 2: a sysctl is scope and key; in 1 it was its path. Older formats are carried over when they are read (linux/state). */
export const LEDGER_FORMAT = 2;
/** Absolute; `--root` goes before it. */
export const LEDGER_PATH = '/var/lib/rsprep/state.json';

/** An address that rsprep added, or found and adopted. Only these may be removed. */
export interface OwnedAddress {
  readonly device: InterfaceName;
  readonly ip: Ip;
  readonly prefixLength: number;
  readonly origin: 'added' | 'adopted';
}

/** A sysctl that rsprep set: what was there before the first apply, and what it wrote. */
export interface OwnedSysctl {
  readonly setting: ArpSetting;
  readonly before: number;
  readonly set: number;
}

/** The managed keys of one interface as they were before the first apply; one that is managed only since then is missing. */
export type ArpSnapshot = Readonly<Partial<Record<ArpKey, number>>>;

/** An address taken from a NIC: kept for the record, never put back by itself, because there it would answer ARP. */
export interface TakenAddress {
  readonly device: InterfaceName;
  readonly ip: Ip;
  readonly prefixLength: number;
}

/** A run that has begun and not ended. Found by a later run, it means that one was killed. */
export interface Intent {
  readonly command: 'apply' | 'remove' | 'rollback';
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly pid: number;
  /** What was going to be done, in words. */
  readonly steps: readonly string[];
}

/** An `apply --confirm` that nobody has confirmed yet. */
export interface Unconfirmed {
  /** ISO 8601, UTC; taken back then, unless confirmed. For people: the wall clock may be set meanwhile. */
  readonly until: string;
  /** The same for the program; missing in a ledger of an earlier version. */
  readonly span?: BootSpan;
  /** /proc/sys/kernel/random/boot_id: after a reboot the kernel has forgotten it all, and only the ledger goes back. */
  readonly bootId: string | null;
  /** Names this one, so that a late watchdog never takes back another. */
  readonly token: string;
  /** In groups, in the order in which they take it back; each idempotent. */
  readonly undo: readonly (readonly Action[])[];
  /** What is to be applied, and persisted, on confirmation. */
  readonly desired: Desired;
  /** The ledger of before. */
  readonly previous: Ledger | null;
}

/** What rsprep knows about its own doing on this host. The kernel, never this file, says what is there. */
export interface Ledger {
  readonly format: typeof LEDGER_FORMAT;
  /** machine-id(5) of the host that wrote it, or null where there is none. */
  readonly machineId: string | null;
  readonly addresses: readonly OwnedAddress[];
  readonly sysctls: readonly OwnedSysctl[];
  /** Before the first apply, by interface. */
  readonly snapshot: Readonly<Record<string, ArpSnapshot>>;
  readonly taken: readonly TakenAddress[];
  /** Content of the persisted sysctl file before the first apply; null if there was none; undefined if never written. */
  readonly sysctlFileBefore?: string | null;
  /** The configuration last applied, whole: what drift is measured against, and what the responder vouches for. */
  readonly applied: { readonly desired: Desired; readonly at: string } | null;
  readonly intent: Intent | null;
  readonly unconfirmed?: Unconfirmed | null;
  /** A configuration tried with --confirm and not confirmed: boot does not apply it, a person may. */
  readonly rejected?: Desired;
}

export const emptyLedger = (machineId: string | null): Ledger => ({
  format: LEDGER_FORMAT,
  machineId,
  addresses: [],
  sysctls: [],
  snapshot: {},
  taken: [],
  applied: null,
  intent: null,
});

export const sameAddress = (
  a: { device: string; ip: string; prefixLength: number },
  b: { device: string; ip: string; prefixLength: number },
): boolean => a.device === b.device && a.ip === b.ip && a.prefixLength === b.prefixLength;

interface AddressKey {
  readonly device: string;
  readonly ip: string;
  readonly prefixLength: number;
}

/** One text for an address on a device; no name and no address contains a space. */
export const addressKey = ({ device, ip, prefixLength }: AddressKey): string => `${device} ${ip}/${prefixLength}`;

const ownedByKey = derived(
  (addresses: readonly OwnedAddress[]): ReadonlyMap<string, OwnedAddress> =>
    new Map(addresses.map((owned) => [addressKey(owned), owned])),
);

export const owns = (ledger: Ledger | null, address: AddressKey): OwnedAddress | null =>
  ledger === null ? null : (ownedByKey(ledger.addresses).get(addressKey(address)) ?? null);
