import type { ArpKey } from './arp-settings.ts';
import type { InterfaceName, Ip } from './names.ts';
import type { Reading } from './reading.ts';
import type { Surroundings } from './surroundings.ts';

/** One address as the kernel reports it (`ip -j address`). */
export interface Address {
  readonly ip: Ip;
  /** In bits. */
  readonly prefixLength: number;
  /** The other end of a point-to-point address: the prefix is then around it, and not around `ip`. */
  readonly peer?: Ip;
  /** `host`, `link`, `global`, `site`, or a number where the kernel's table has no name for it. */
  readonly scope: string;
  /** IPv4 only; null for IPv6, which has no labels. */
  readonly label: string | null;
  /** Seconds left, or null for ever. */
  readonly validSeconds: number | null;
  /** Seconds left, or null for ever; 0 is deprecated: never chosen as a source. */
  readonly preferredSeconds: number | null;
  readonly tentative: boolean;
  readonly dadFailed: boolean;
  /** A secondary address: deleted together with its primary unless promote_secondaries is set (devinet.c). */
  readonly secondary: boolean;
}

export interface Link {
  readonly name: InterfaceName;
  readonly index: number;
  readonly up: boolean;
  readonly loopback: boolean;
  /** IFF_NOARP: dummy, tunnels. */
  readonly noArp: boolean;
  /** `veth`, `bridge`, `bond`, `vlan`, `dummy` …; null for a physical device. */
  readonly kind: string | null;
  /** `bridge`, `bond`, `team`, `vrf` …: what this link is a port or member of. */
  readonly portKind: string | null;
  readonly master: InterfaceName | null;
  readonly addresses: readonly Address[];
}

/** A route of type `local` in the local table. */
export interface LocalRoute {
  /** Destination without its prefix length. */
  readonly destination: Ip;
  readonly prefixLength: number;
  readonly device: InterfaceName;
}

/** A route of any other table or type, as far as deletion could drag it along. */
export interface Route {
  /** As `ip` prints it: `default`, `10.0.0.0/24`. */
  readonly destination: string;
  readonly device: InterfaceName | null;
  readonly family: 4 | 6;
  /** Of every next hop. */
  readonly devices: readonly InterfaceName[];
  readonly gateways: readonly Ip[];
  readonly preferredSource: Ip | null;
  readonly table: string;
  /** `kernel` for connected routes. */
  readonly protocol: string;
}

/** The managed keys of `all`, `default` or one interface. */
export type ArpSettings = Readonly<Record<ArpKey, Reading<number>>>;

/** Looked at only before a change: what the change could drag along. */
export interface ChangeContext {
  readonly routes: Reading<readonly Route[]>;
  /** promote_secondaries of `all` and of each interface; effective is the OR of both (IN_DEV_ORCONF). */
  readonly promoteSecondaries: ReadonlyMap<string, boolean>;
}

/** One pass over the host. */
export interface Observed extends Surroundings {
  readonly links: Reading<readonly Link[]>;
  readonly localRoutes: Reading<readonly LocalRoute[]>;
  /** Keyed by `all`, `default` and the name of every interface that has IPv4. */
  readonly arp: Reading<ReadonlyMap<string, ArpSettings>>;
  /** The persisted sysctl file's content. */
  readonly sysctlFile: Reading<string>;
  readonly change: ChangeContext | null;
}
