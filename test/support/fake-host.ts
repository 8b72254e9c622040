import type { ActionResult, Changing, PerformContext } from '../../src/app/ports/host.ts';
import type { Action } from '../../src/core/model/action.ts';
import {
  ARP_KEYS,
  type ArpKey,
  type ArpSetting,
  asArpKey,
  forEachArpKey,
  MANAGED,
} from '../../src/core/model/arp-settings.ts';
import type { BootMoment, BootSpan } from '../../src/core/model/boot-clock.ts';
import type { Desired } from '../../src/core/model/desired.ts';
import type { Ledger } from '../../src/core/model/ledger.ts';
import { assertNever, hostPrefixLength, type InterfaceName, type Ip, isIpv6 } from '../../src/core/model/names.ts';
import type { Address, ArpSettings, Link, LocalRoute, Observed } from '../../src/core/model/observed.ts';
import type { Override } from '../../src/core/model/override.ts';
import { absent, type Reading, value } from '../../src/core/model/reading.ts';
import { NOT_LOOKED_AT } from '../../src/core/model/surroundings.ts';
import { isAcceptable } from '../../src/core/sysctl/arp-rules.ts';

export interface FakeLink {
  readonly name: string;
  up: boolean;
  readonly kind: 'loopback' | 'nic' | 'dummy';
  addresses: Address[];
  arp: Record<ArpKey, number>;
}

export interface FakeState {
  links: FakeLink[];
  all: Record<ArpKey, number>;
  default: Record<ArpKey, number>;
  promoteSecondaries: boolean;
  files: Record<string, string>;
}

/**
 * A kernel and a disk in memory: rejects what it does not know, follows the rules measured on the real one (secondaries go
 * with their primary; `default` reaches interfaces that never had an address), and counts every leak that it sees appear.
 */
export class FakeHost implements Changing {
  readonly state: FakeState;
  ledger: Ledger | null = null;
  overrides: readonly Override[] = [];
  /** Every leak seen at any moment that was not there at the beginning. */
  readonly newLeaks: string[] = [];
  readonly performed: Action[] = [];
  /** Fails the nth action performed from now on, counting from 0; the undo after it runs. */
  failAt = Number.POSITIVE_INFINITY;
  /** Does the nth action, and cannot see that it has. */
  uncertainAt = Number.POSITIVE_INFINITY;
  interruptAt = Number.POSITIVE_INFINITY;
  ledgerWrites = 0;
  readonly #vips: ReadonlySet<Ip>;
  #firstLeaks: ReadonlySet<string>;
  readonly #written = new Set<string>();
  #count = 0;

  constructor(state: FakeState, vips: readonly Ip[]) {
    this.state = state;
    this.#vips = new Set(vips);
    for (const link of state.links) {
      for (const key of ARP_KEYS) if (link.arp[key] !== state.default[key]) this.#written.add(`${link.name}/${key}`);
    }
    this.#firstLeaks = new Set(this.leaks());
  }

  /** From here on, leaks that stand now are no longer news. */
  rebase(): void {
    this.#firstLeaks = new Set(this.leaks());
    this.newLeaks.length = 0;
    this.#count = 0;
  }

  /** `VIP via INTERFACE` for each interface that would answer for, or announce, a VIP this host holds. */
  leaks(): readonly string[] {
    const held = this.state.links
      .flatMap((link) => link.addresses.map((address) => ({ link, address })))
      .filter(({ address }) => this.#vips.has(address.ip));
    const nics = this.state.links.filter(({ kind }) => kind === 'nic');
    return held.flatMap(({ link, address }) => {
      const onNic = link.kind === 'nic' ? [`${address.ip} is on ${link.name}`] : [];
      if (isIpv6(address.ip)) return onNic;
      const via = nics.filter((nic) =>
        ARP_KEYS.some((key) => !isAcceptable(key, MANAGED[key].effective(this.state.all[key], nic.arp[key]))),
      );
      return [...onNic, ...via.map((nic) => `${address.ip} via ${nic.name}`)];
    });
  }

  arpNow(): Observed['arp'] {
    const arp = new Map<string, ArpSettings>();
    const put = (name: string, own: Record<ArpKey, number>): void => {
      arp.set(
        name,
        forEachArpKey((key) => value(own[key])),
      );
    };
    put('all', this.state.all);
    put('default', this.state.default);
    for (const link of this.state.links) put(link.name, link.arp);
    return value(arp);
  }

  observe(_desired: Desired | null, forChange: boolean): Observed {
    const file = this.state.files['/etc/sysctl.d/99-zz-rsprep.conf'];
    return {
      ...NOT_LOOKED_AT,
      links: value(this.state.links.map((link, index): Link => toLink(link, index))),
      localRoutes: value(this.state.links.flatMap(localRoutes)),
      arp: this.arpNow(),
      sysctlFile: file === undefined ? absent : value(file),
      change: forChange
        ? { routes: value([]), promoteSecondaries: new Map([['all', this.state.promoteSecondaries]]) }
        : null,
    };
  }

  async perform(actions: readonly Action[], context: PerformContext): Promise<readonly ActionResult[]> {
    const results: ActionResult[] = [];
    for (const action of actions) {
      const stopped = results.some(({ status }) => status === 'failed') || context.interrupted();
      if (stopped) {
        results.push({ action, status: 'not-run', detail: null });
        continue;
      }
      const n = this.#count;
      this.#count += 1;
      if (n === this.failAt) {
        results.push({ action, status: 'failed', detail: 'made to fail' });
        continue;
      }
      this.#do(action);
      if (n === this.uncertainAt) {
        this.newLeaks.push(...this.leaks().filter((leak) => !this.#firstLeaks.has(leak)));
        results.push({ action, status: 'failed', detail: 'done, and nobody could see it', uncertain: true });
        continue;
      }
      this.performed.push(action);
      this.newLeaks.push(...this.leaks().filter((leak) => !this.#firstLeaks.has(leak)));
      results.push({ action, status: 'done', detail: null });
    }
    return results;
  }

  #do(action: Action): void {
    switch (action.kind) {
      case 'set-sysctl':
        this.#setSysctl(action.setting, action.to, action.onlyIf);
        return;
      case 'set-link':
        this.#link(action.device).up = action.up;
        return;
      case 'add-address':
        this.#add(action);
        return;
      case 'delete-address':
        this.#delete(action.device, action.ip, action.prefixLength);
        return;
      case 'refresh-address':
      case 'renew-address': {
        const link = this.#link(action.device);
        const deprecated = action.kind === 'renew-address' || action.deprecated;
        link.addresses = link.addresses.map((a) =>
          a.ip === action.ip && a.prefixLength === (action.kind === 'renew-address' ? action.from : action.prefixLength)
            ? {
                ...a,
                prefixLength: action.prefixLength,
                validSeconds: null,
                preferredSeconds: deprecated ? 0 : null,
                dadFailed: false,
                tentative: false,
              }
            : a,
        );
        return;
      }
      case 'write-file':
        this.state.files[action.path] = action.content;
        return;
      case 'delete-file':
        delete this.state.files[action.path];
        return;
      case 'adopt-address':
      case 'record-desired':
        return;
      default:
        assertNever(action);
    }
  }

  #setSysctl({ scope, key }: ArpSetting, to: number, onlyIf: number | null): void {
    if (asArpKey(key) === null) throw new Error(`the fake kernel has no sysctl ${key}`);
    const target = scope === 'all' ? this.state.all : scope === 'default' ? this.state.default : this.#link(scope).arp;
    if (onlyIf !== null && target[key] !== onlyIf) return;
    const old = target[key];
    target[key] = to;
    if (scope !== 'default') {
      this.#written.add(`${scope}/${key}`);
      return;
    }
    // devinet_copy_dflt_conf(): only what was never written and never had an address; such a value equals the old default.
    for (const link of this.state.links) {
      const follows = link.kind === 'nic' && link.addresses.length === 0 && !this.#written.has(`${link.name}/${key}`);
      if (follows && link.arp[key] === old) link.arp[key] = to;
    }
  }

  #add(action: Extract<Action, { kind: 'add-address' }>): void {
    const link = this.#link(action.device);
    const clashes = (a: Address): boolean =>
      a.ip === action.ip && (isIpv6(a.ip) || a.prefixLength === action.prefixLength);
    if (link.addresses.some(clashes)) throw new Error(`EEXIST ${action.ip}`);
    link.addresses.push(address(action.ip, action.prefixLength, action.scope, action.label, action.deprecated));
  }

  #delete(device: string, ip: Ip, prefixLength: number): void {
    const link = this.#link(device);
    const found = link.addresses.find((a) => a.ip === ip && a.prefixLength === prefixLength);
    if (!found) throw new Error(`EADDRNOTAVAIL ${ip}/${prefixLength} on ${device}`);
    link.addresses = link.addresses.filter((a) => a !== found);
  }

  #link(name: string): FakeLink {
    const link = this.state.links.find((l) => l.name === name);
    if (!link) throw new Error(`ENODEV ${name}`);
    return link;
  }

  readLedger(): Reading<Ledger> {
    return this.ledger === null ? absent : value(this.ledger);
  }
  async writeLedger(ledger: Ledger): Promise<void> {
    this.ledgerWrites += 1;
    this.ledger = JSON.parse(JSON.stringify(ledger));
  }
  deleteLedger(): void {
    this.ledger = null;
  }
  setLedgerAside(suffix: string): string {
    this.ledger = null;
    return `/var/lib/rsprep/state.json${suffix}`;
  }
  readOverrides(): Reading<readonly Override[]> {
    return this.overrides.length === 0 ? absent : value(this.overrides);
  }
  async writeOverrides(overrides: readonly Override[]): Promise<void> {
    this.overrides = overrides;
  }
  hostName = (): string => 'fake';
  now = (): Date => new Date('2026-11-22T12:00:00Z');
  monotonicMs = (): number => 0;
  preflightHost = (): null => null;
  lock = async (): Promise<{ kind: 'held'; fd: number; release(): void }> => ({
    kind: 'held',
    fd: -1,
    release: () => undefined,
  });
  machineId = (): Reading<string> => value('fake-machine');
  clock = { bootId: 'boot-1', ms: 1_000_000 };
  bootClock = (): Reading<BootMoment> => value(this.clock);
  readonly armed = new Map<string, number>();
  armWatchdog = async ({ untilMs }: BootSpan, token: string): Promise<null> => {
    this.armed.set(token, untilMs);
    return null;
  };
  disarmWatchdog = async (token: string): Promise<void> => {
    this.armed.delete(token);
  };
  who = (): string => 'tester';
  establishedTo = (): Reading<readonly string[]> => value([]);
  interrupted = (): boolean => this.#count >= this.interruptAt;
  sleep = async (): Promise<void> => undefined;
}

/** Values of the managed keys; the kernel's own default where nothing is said. */
export const arpValues = (values: Partial<Record<ArpKey, number>> = {}): Record<ArpKey, number> =>
  forEachArpKey((key) => values[key] ?? 0);

export function address(
  ip: Ip,
  prefixLength: number,
  scope = 'global',
  label: string | null = null,
  deprecated = false,
): Address {
  return {
    ip,
    prefixLength,
    scope,
    label,
    validSeconds: null,
    preferredSeconds: deprecated ? 0 : null,
    tentative: false,
    dadFailed: false,
    secondary: false,
  };
}

const toLink = (link: FakeLink, index: number): Link => ({
  name: link.name as InterfaceName,
  index: index + 1,
  up: link.up,
  loopback: link.kind === 'loopback',
  noArp: link.kind === 'dummy',
  kind: link.kind === 'dummy' ? 'dummy' : null,
  portKind: null,
  master: null,
  addresses: [...link.addresses],
});

/** fib_add_ifaddr(): a host route for each address; on a loopback device one for the prefix too. */
function localRoutes(link: FakeLink): readonly LocalRoute[] {
  const device = link.name as InterfaceName;
  return link.addresses.flatMap((a): LocalRoute[] => {
    const host = { destination: a.ip, prefixLength: hostPrefixLength(a.ip), device };
    if (link.kind !== 'loopback' || a.prefixLength === hostPrefixLength(a.ip) || isIpv6(a.ip)) return [host];
    const network = a.ip.split('.').slice(0, a.prefixLength / 8);
    const destination = [...network, ...Array.from({ length: 4 - network.length }, () => '0')].join('.') as Ip;
    return [host, { destination, prefixLength: a.prefixLength, device }];
  });
}
