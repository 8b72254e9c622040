import type { SysctlPath } from './names.ts';

/** What an effective value means for a VIP that this host holds. */
export type ArpMeaning =
  /** Silent about the VIP, and heard everywhere else. */
  | 'right'
  /** Silent, and deaf to some who may ask for the host's own address: tolerated. */
  | 'partly-deaf'
  /** Silent only by the scope of the VIP. */
  | 'fragile'
  /** Silent about everything, the host's own address included. */
  | 'deaf'
  | 'leaks';

/** One sysctl of net/ipv4/conf that rsprep sets on `all`, `default` and, where it has to, on an interface. */
interface ManagedKey {
  /** What rsprep sets: never above what the kernel understands. */
  readonly wanted: number;
  /** What the kernel makes of `all` and an interface's own value; conf/lo is consulted for no packet from the wire. */
  effective(all: number, own: number): number;
  /** By effective value; any other leaks. */
  readonly meanings: Readonly<Record<number, ArpMeaning>>;
  /** The sentence in the persisted file: "A real server must not …". */
  readonly mustNot: string;
  readonly check: {
    readonly id: string;
    readonly title: string;
    readonly looksAt: string;
    readonly fix: string;
    /** Kernel function or document. */
    readonly source: string;
  };
  /** For findings: the effective value wanted, and the same where what is tolerated is the finding. */
  readonly wantedText: { readonly any: string; readonly strict: string };
  /** Why each meaning hurts on a real server; what has no text of its own hurts as a leak does. */
  readonly why: { readonly leaks: string } & Readonly<Partial<Record<ArpMeaning, string>>>;
  /** What the next interface would do; the same. */
  readonly nextInterface: { readonly leaks: string } & Readonly<Partial<Record<ArpMeaning, string>>>;
}

/** IN_DEV_MAXCONF (include/linux/inetdevice.h): the larger of the two counts, whatever their order. */
const larger = (all: number, own: number): number => Math.max(all, own);

const fixText = (key: string, wanted: number): string =>
  `rsprep apply, or by hand: sysctl -w net/ipv4/conf/all/${key}=${wanted}, and the same for each interface with a greater value. Neighbours keep a wrong ARP entry for a while: \`arping -U -c1 VIP\` on the director (never on this host) corrects them at once.`;

/**
 * Every managed key, in the order in which apply sets them; undo goes the other way. That order is part of what was measured
 * under an ARP flood (core/plan/plan.ts). A further key is an entry here, with what its values mean in test/unit/core/checks/arp.test.ts.
 */
const TABLE = {
  arp_announce: {
    wanted: 2,
    effective: larger,
    // Only 2 never uses the VIP as ARP sender; 3 and above act as 0 (net/ipv4/arp.c, arp_solicit()).
    meanings: { 2: 'right' },
    mustNot: 'announce it',
    check: {
      id: 'arp-announce',
      title: 'The host does not announce the VIP as ARP sender',
      looksAt:
        'The larger of conf/all/arp_announce and conf/INTERFACE/arp_announce, for every interface except lo; and conf/default, which a new interface starts with. It must be exactly 2: 1 leaks a VIP of the same subnet, 3 and above act as 0.',
      fix: fixText('arp_announce', 2),
      source:
        'net/ipv4/arp.c arp_solicit(); include/linux/inetdevice.h IN_DEV_ARP_ANNOUNCE; Documentation/networking/ip-sysctl.rst',
    },
    wantedText: { any: 'max(all, interface) is exactly 2', strict: 'max(all, interface) is 2' },
    why: {
      leaks:
        'This host sends ARP requests with the VIP as their sender, so its neighbours replace the director’s entry for the VIP with this host.',
    },
    nextInterface: { leaks: 'an interface that appears later would announce the VIP at once' },
  },
  arp_ignore: {
    wanted: 1,
    effective: larger,
    // 0 and below, 4 to 7 and 9 and above answer for every local address; 1 only for addresses of the interface asked; 2 also
    // wants the asker in the same subnet; 3 answers for scope global and link but not host; 8 for nothing (arp.c, arp_ignore()).
    meanings: { 1: 'right', 2: 'partly-deaf', 3: 'fragile', 8: 'deaf' },
    mustNot: 'answer ARP for the VIP',
    check: {
      id: 'arp-ignore',
      title: 'The host does not answer ARP for the VIP',
      looksAt:
        'The larger of conf/all/arp_ignore and conf/INTERFACE/arp_ignore, for every interface except lo; and conf/default, which a new interface starts with. 1 is right; 2 is tolerated; 3 leaks a VIP of scope global; 8 silences the RIP too; 0, 4 to 7, and 9 or more answer for every local address. The value of a bridge or bond port counts only once the port leaves the bridge or bond.',
      fix: fixText('arp_ignore', 1),
      source:
        'net/ipv4/arp.c arp_ignore(); include/linux/inetdevice.h IN_DEV_ARP_IGNORE; Documentation/networking/ip-sysctl.rst',
    },
    wantedText: { any: 'max(all, interface) is 1 (2 is tolerated)', strict: 'max(all, interface) is 1' },
    why: {
      leaks: 'This host answers ARP requests for the VIP, so clients and routers send it the whole farm’s traffic.',
      'partly-deaf':
        'With 2 this host does not answer ARP for its own address either, if the host that asks is in another subnet.',
      fragile:
        'With 3 this host answers ARP for a VIP of scope global. A VIP of scope host leaks as soon as another tool changes its scope.',
      deaf: 'With 8 this host answers no ARP request at all, not even for its own address: it drops off the LAN.',
    },
    nextInterface: {
      leaks: 'an interface that appears later would answer ARP for the VIP at once',
      deaf: 'an interface that appears later would answer no ARP request at all',
    },
  },
} as const satisfies Readonly<Record<string, ManagedKey>>;

export type ArpKey = keyof typeof TABLE;
export const MANAGED: Readonly<Record<ArpKey, ManagedKey>> = TABLE;

const isArpKey = (key: string): key is ArpKey => Object.hasOwn(TABLE, key);
/** In the order of apply. */
export const ARP_KEYS: readonly ArpKey[] = Object.keys(TABLE).filter(isArpKey);
/** In the order of undo, of checks and of sentences: what answers comes before what asks. */
export const ARP_KEYS_BACKWARDS: readonly ArpKey[] = ARP_KEYS.toReversed();
export const asArpKey = (text: string): ArpKey | null => (isArpKey(text) ? text : null);

/** One value of every managed key. */
export const forEachArpKey = <T>(make: (key: ArpKey) => T): Readonly<Record<ArpKey, T>> =>
  Object.fromEntries(ARP_KEYS.map((key) => [key, make(key)])) as Record<ArpKey, T>;

/** One managed sysctl of `all`, `default` or an interface: what actions, findings and the ledger speak of. */
export interface ArpSetting {
  readonly scope: string;
  readonly key: ArpKey;
}

/** Where it is below /proc/sys: the one place that knows. */
export const settingPath = ({ scope, key }: ArpSetting): SysctlPath => ['net', 'ipv4', 'conf', scope, key];

/** The slash form, which names one setting whatever its interface is called. */
export const settingText = (setting: ArpSetting): string => settingPath(setting).join('/');
