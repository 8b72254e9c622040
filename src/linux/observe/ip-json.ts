import { type InterfaceName, kernelIp } from '../../core/model/names.ts';
import type { Address, Link, LocalRoute, Route } from '../../core/model/observed.ts';

/** What `ip -j` printed is not what any iproute2 we know prints. */
export class UnexpectedOutput extends Error {}

/** The kernel's INFINITY_LIFE_TIME (include/net/addrconf.h), in seconds. */
const FOREVER = 4294967295;

type Json = Readonly<Record<string, unknown>>;

export function parseArray(text: string): readonly Json[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new UnexpectedOutput(`expected JSON from \`ip -j\`, received ${JSON.stringify(text.slice(0, 60))}`, {
      cause,
    });
  }
  if (!Array.isArray(parsed)) throw new UnexpectedOutput('expected a JSON array from `ip -j`');
  return parsed.filter((entry): entry is Json => typeof entry === 'object' && entry !== null);
}

/** Entries of `ip -j -d address show`. Filters of ip(8) leave empty objects behind; those without a name are skipped. */
export function toLink(entry: Json): Link | null {
  const name = entry.ifname;
  const index = entry.ifindex;
  if (typeof name !== 'string' || typeof index !== 'number') return null;
  const flags = strings(entry.flags);
  const info = object(entry.linkinfo);
  return {
    name: name as InterfaceName,
    index,
    up: flags.includes('UP'),
    loopback: flags.includes('LOOPBACK'),
    noArp: flags.includes('NOARP'),
    kind: text(info.info_kind),
    portKind: text(info.info_slave_kind),
    master: text(entry.master) as InterfaceName | null,
    addresses: (Array.isArray(entry.addr_info) ? entry.addr_info : []).flatMap((address) => toAddress(object(address))),
  };
}

function toAddress(entry: Json): readonly Address[] {
  const { local, prefixlen } = entry;
  if (typeof local !== 'string' || typeof prefixlen !== 'number') return [];
  return [
    {
      ip: kernelIp(local),
      prefixLength: prefixlen,
      ...(typeof entry.address === 'string' && entry.address !== local ? { peer: kernelIp(entry.address) } : {}),
      scope: String(entry.scope ?? 'global'),
      label: text(entry.label),
      validSeconds: lifetime(entry.valid_life_time),
      preferredSeconds: lifetime(entry.preferred_life_time),
      tentative: entry.tentative === true,
      dadFailed: entry.dadfailed === true,
      secondary: entry.secondary === true,
    },
  ];
}

const lifetime = (seconds: unknown): number | null =>
  typeof seconds === 'number' && seconds !== FOREVER ? seconds : null;

/** Entries of type `local` of `ip -j route show table local`. */
export function toLocalRoute(entry: Json): readonly LocalRoute[] {
  const { dst, dev, type } = entry;
  if (type !== 'local' || typeof dst !== 'string') return [];
  const { ip, prefixLength } = splitPrefix(dst);
  return [{ destination: kernelIp(ip), prefixLength, device: (typeof dev === 'string' ? dev : '') as InterfaceName }];
}

function splitPrefix(dst: string): { ip: string; prefixLength: number } {
  const slash = dst.indexOf('/');
  if (slash >= 0) return { ip: dst.slice(0, slash), prefixLength: Number(dst.slice(slash + 1)) };
  if (dst === 'default') return { ip: '0.0.0.0', prefixLength: 0 };
  return { ip: dst, prefixLength: dst.includes(':') ? 128 : 32 };
}

/** Entries of `ip -j route show table all`, less the local table. */
export function toRoute(entry: Json): readonly Route[] {
  const { dst } = entry;
  if (typeof dst !== 'string' || entry.table === 'local') return [];
  const hops = Array.isArray(entry.nexthops) ? entry.nexthops.map(object) : [];
  const via = object(entry.via);
  const gateways = [entry.gateway, via.host, ...hops.flatMap((hop) => [hop.gateway, object(hop.via).host])];
  return [
    {
      destination: dst,
      // `pref` is RFC 4191's, and iproute2 prints it for every IPv6 route.
      family: dst.includes(':') || 'pref' in entry ? 6 : 4,
      device: text(entry.dev) as InterfaceName | null,
      devices: strings([entry.dev, ...hops.map(({ dev }) => dev)]) as readonly InterfaceName[],
      gateways: gateways.filter((gateway) => typeof gateway === 'string').map(kernelIp),
      preferredSource: typeof entry.prefsrc === 'string' ? kernelIp(entry.prefsrc) : null,
      table: text(entry.table) ?? 'main',
      protocol: text(entry.protocol) ?? '',
    },
  ];
}

const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
