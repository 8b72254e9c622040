// What a host's network looks like, in a form that two moments can be compared in.
import type { Host } from './netns.ts';

export interface Snapshot {
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly sysctls: readonly string[];
}

/** Lifetimes run and indexes are given by order of creation: neither says anything about what was changed. */
const VOLATILE = new Set([
  'valid_life_time',
  'preferred_life_time',
  'ifindex',
  'link_index',
  'link_netnsid',
  'expires',
]);

/** One shell for all of it: a snapshot takes about 15 ms. */
const SCRIPT = `
ip -j addr; echo
ip -j -4 route show table all; echo; ip -j -6 route show table all; echo
ip -j -4 rule; echo; ip -j -6 rule; echo
grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf 2>/dev/null
true`;

export function snapshot(host: Host): Snapshot {
  const lines = host.must(['sh', '-c', SCRIPT]).split('\n').filter(Boolean);
  const [links, route4, route6, rule4, rule6] = lines.slice(0, 5).map((line) => JSON.parse(line) as readonly unknown[]);
  return {
    addresses: addresses(links as readonly LinkEntry[]),
    routes: [...sorted('-4', route4), ...sorted('-6', route6)],
    rules: [...sorted('-4', rule4), ...sorted('-6', rule6)],
    // stable_secret answers EIO while it is unset, which is no failure here.
    sysctls: lines.slice(5).sort(),
  };
}

type LinkEntry = Record<string, unknown> & { addr_info?: unknown };

/** One line for each device, and one for each address. */
function addresses(links: readonly LinkEntry[]): string[] {
  return links.flatMap(({ addr_info: info, ...link }) => [
    stable(link),
    ...(Array.isArray(info) ? info.map((address: unknown) => `${String(link.ifname)} ${stable(address)}`) : []),
  ]);
}

function sorted(family: string, entries: readonly unknown[] = []): string[] {
  return entries.map((entry) => `${family} ${stable(entry)}`).sort();
}

function stable(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (VOLATILE.has(key) ? undefined : inner));
}
