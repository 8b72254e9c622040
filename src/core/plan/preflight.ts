import { bootContradictions } from '../checks/persistence.ts';
import { findVip, linkNamed } from '../model/addresses.ts';
import type { CheckContext } from '../model/check.ts';
import { type Ip, isIpv6 } from '../model/names.ts';
import type { Address, Link } from '../model/observed.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Step } from '../model/step.ts';
import { isNic, isSilent } from '../network/devices.ts';
import { SYSCTL_FILE } from '../sysctl/file.ts';
import { SYSCTL_CONF } from '../sysctl/replay.ts';
import { dragged } from './drag.ts';

/** Looked at before anything changes; an empty list means go. */
export function preflight(context: CheckContext, steps: readonly Step[]): readonly Refusal[] {
  const { links } = context.observed;
  if (links.kind !== 'value') return [];
  return [
    ...deviceRefusals(context, links.value),
    ...ownAddressRefusals(context, links.value),
    ...nextHopRefusals(context),
    ...persistRefusals(context, steps),
    ...dragged(
      context,
      steps.map(({ action }) => action),
    ),
  ];
}

function deviceRefusals(context: CheckContext, links: readonly Link[]): readonly Refusal[] {
  const devices = new Set(context.desired.vips.map(({ device }) => device));
  return [...devices].flatMap((device): readonly Refusal[] => {
    const link = linkNamed(links, device);
    if (!link) {
      return [
        {
          code: 'no-device',
          message: `the configuration puts VIPs on ${device}, and this host has no such device`,
          next: `create it (ip link add ${device} type dummy) or leave out \`device:\` to use lo`,
        },
      ];
    }
    if (!isNic(context, links, link)) return [];
    return [
      {
        code: 'device-is-nic',
        message: `device: ${device} is a NIC: it would answer ARP for every VIP put on it`,
        next: 'leave out `device:` to use lo, or name a dummy device',
      },
    ];
  });
}

/** A VIP that is the first address of a NIC is taken for that NIC’s own address: somebody mistyped, or the NIC has no RIP. */
function ownAddressRefusals(context: CheckContext, links: readonly Link[]): readonly Refusal[] {
  const refusals: Refusal[] = [];
  for (const link of links) {
    if (isSilent(link)) continue;
    const primary = link.addresses.find((a) => a.scope === 'global' && !isIpv6(a.ip)) ?? null;
    const others = link.addresses.filter((a) => a.scope === 'global' && !findVip(context.desired, a.ip));
    for (const address of link.addresses) {
      const vip = findVip(context.desired, address.ip);
      if (!vip || vip.device === link.name) continue;
      const isOnly = others.filter((other) => isIpv6(other.ip) === isIpv6(address.ip)).length === 0;
      if (address !== primary && !isOnly) continue;
      if (isOnly && elsewhereReachable(links, link, address)) continue;
      const what = isOnly ? 'the only' : 'the primary';
      if (!isOnly && context.desired.rip !== null && context.desired.rip !== address.ip) continue;
      refusals.push({
        code: 'own-address',
        message: `the VIP ${address.ip} is ${what} address of ${link.name}: it seems to be this host's own address (RIP)`,
        next: `if ${address.ip} really is the VIP, give ${link.name} its own address first, and set \`rip:\` in the configuration`,
      });
    }
  }
  return refusals;
}

/** A NIC that holds nothing but the VIP is no RIP as long as another NIC carries the host's own address. */
const elsewhereReachable = (links: readonly Link[], link: Link, address: Address): boolean =>
  links.some(
    (other) =>
      other !== link &&
      !isSilent(other) &&
      other.up &&
      other.addresses.some((a) => a.scope === 'global' && isIpv6(a.ip) === isIpv6(address.ip) && a.ip !== address.ip),
  );

function nextHopRefusals(context: CheckContext): readonly Refusal[] {
  const routes = context.observed.change?.routes;
  if (routes?.kind !== 'value') return [];
  const seen = new Set<Ip>();
  return routes.value.flatMap((route) =>
    route.gateways.flatMap((gateway): readonly Refusal[] => {
      if (!findVip(context.desired, gateway) || seen.has(gateway)) return [];
      seen.add(gateway);
      return [
        {
          code: 'next-hop',
          message: `the VIP ${gateway} is the next hop of this host's route ${route.destination}: with the VIP on lo that route would lead nowhere`,
          next: 'check the VIP for a mistake: only the director and the real servers may have it',
        },
      ];
    }),
  );
}

/**
 * procps reads /etc/sysctl.conf last, so what we persist would not hold. Not asked where nothing is to be persisted, and a host
 * that leaks right now is fixed all the same: verify goes on reporting the line.
 */
function persistRefusals(context: CheckContext, steps: readonly Step[]): readonly Refusal[] {
  const persists = steps.some(({ action }) => action.kind === 'write-file' && action.path === SYSCTL_FILE);
  const leaks = steps.some(({ closesLeak, cause }) => closesLeak && cause.kind === 'wrong' && cause.cause === 'drift');
  if (!persists || leaks) return [];
  const lines = bootContradictions(context).filter(({ file }) => file === SYSCTL_CONF);
  const [first] = lines;
  if (!first) return [];
  return [
    {
      code: 'sysctl-conf',
      message: `${SYSCTL_CONF}:${first.line} sets conf/${first.scope}/${first.key}=${first.value}; \`sysctl --system\` reads that file last, so no file in sysctl.d can override it`,
      next: `delete ${[...new Set(lines.map(({ line }) => `${SYSCTL_CONF}:${line}`))].join(' and ')}, or set \`persist: false\` and make the ARP settings permanent in another way`,
    },
  ];
}
