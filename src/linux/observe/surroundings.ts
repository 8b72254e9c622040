import { ARP_KEYS } from '../../core/model/arp-settings.ts';
import type { Desired } from '../../core/model/desired.ts';
import { familyOf, type Ip, isIpv6 } from '../../core/model/names.ts';
import type { Link, LocalRoute, Observed, Route } from '../../core/model/observed.ts';
import type { Reading } from '../../core/model/reading.ts';
import type { Routing, Surroundings } from '../../core/model/surroundings.ts';
import { effectiveIn, isAcceptable } from '../../core/sysctl/arp-rules.ts';
import type { Paths } from '../files/paths.ts';
import { observeBootUnit, observeKeepalived, observeResolvers } from './boot.ts';
import { type NftRules, observeFirewall } from './firewall.ts';
import { observeIpvs } from './ipvs.ts';
import { observeKnobs } from './knobs.ts';
import { isAsymmetric } from './routing.ts';
import { observeServices } from './services.ts';
import { observeSysctlFiles } from './sysctl-files.ts';
import { observeVipFiles } from './vip-files.ts';

/** What one `ip` process said, and the ARP settings. */
export interface FromIp {
  readonly arp: Observed['arp'];
  readonly links: Reading<readonly Link[]>;
  readonly localRoutes: Reading<readonly LocalRoute[]>;
  readonly routes: Reading<readonly Route[]>;
  readonly routing: Reading<Routing> | null;
}

/** Everything besides addresses and ARP keys, each only where the configuration gives a reason to look. */
export function observeSurroundings(
  paths: Paths,
  desired: Desired,
  { arp, links, routing }: FromIp,
  { timeoutMs, nft }: { readonly timeoutMs: number; readonly nft: NftRules | null },
): Surroundings {
  const nameOf = (index: number): string | null =>
    links.kind === 'value' ? (links.value.find((link) => link.index === index)?.name ?? null) : null;
  const knobs = observeKnobs(desired, entrances(desired, routing));
  const open = leaksByArp(arp);
  // Listing the rules needs privilege: without any and without a reason nobody is told that they could not be listed.
  const matters = open || isStrict(knobs) || isAsymmetric(routing, desired);
  const looks = alwaysListsRules(desired) || (desired.vips.length > 0 && matters);
  return {
    knobs,
    routing,
    sysctlFiles: desired.persist ? observeSysctlFiles(paths) : null,
    vipFiles: observeVipFiles(paths, desired),
    bootUnit: observeBootUnit(paths),
    services: observeServices(desired, nameOf, (family) => ownAddress(desired, routing, family)),
    ipvs: observeIpvs(desired, timeoutMs),
    keepalived: observeKeepalived(paths),
    firewall: looks ? observeFirewall(familiesOf(desired), open, timeoutMs, nft ?? undefined) : null,
    resolvers: observeResolvers(paths),
  };
}

const entrances = (desired: Desired, routing: FromIp['routing']): ReadonlySet<string> =>
  new Set([
    ...desired.vips.map(({ device }) => device),
    ...(routing?.kind === 'value' ? routing.value.answers.flatMap(({ route }) => route?.device ?? []) : []),
  ]);

/** The configured RIP, or what the kernel takes for the source of packets to a director or a client. */
function ownAddress(desired: Desired, routing: FromIp['routing'], family: 4 | 6): Ip | null {
  if (desired.rip !== null && familyOf(desired.rip) === family) return desired.rip;
  if (routing?.kind !== 'value') return null;
  const vips = new Set(desired.vips.map(({ address }) => address));
  for (const { to, from, route } of routing.value.answers) {
    if (familyOf(to) !== family || from !== null || !route?.source || route.type === 'local') continue;
    if (!vips.has(route.source)) return route.source;
  }
  return null;
}

/** A firewall’s ARP rules matter only to a host that leaks without them. */
function leaksByArp(arp: Observed['arp']): boolean {
  if (arp.kind !== 'value') return false;
  const { value: settings } = arp;
  return ARP_KEYS.some((key) =>
    [...settings.keys()].some((name) => name !== 'lo' && !isAcceptable(key, effectiveIn(settings, key, name))),
  );
}

/** Whatever else is found, the rules will be listed. */
export const alwaysListsRules = ({ vips }: Desired): boolean =>
  vips.some(({ services }) => services.length > 0) || (vips.length > 0 && process.geteuid?.() === 0);

/** Connections that were not seen from their beginning are invalid: what the rules do to those matters then. */
function isStrict(knobs: Surroundings['knobs']): boolean {
  const loose = knobs.get('net/netfilter/nf_conntrack_tcp_loose');
  return loose?.kind === 'value' && loose.value === 0;
}

const familiesOf = ({ vips }: Desired): readonly ('ip' | 'ip6')[] =>
  (['ip', 'ip6'] as const).filter((family) => vips.some(({ address }) => isIpv6(address) === (family === 'ip6')));
