import type { Desired, DesiredVip, FarmRealServer, Service } from '../core/model/desired.ts';
import { familyOf, hostPrefixLength, type Ip } from '../core/model/names.ts';

/** Text for another program, or why this configuration does not give one. */
export type Rendered =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'refused'; readonly because: string; readonly next: string };

/** One thing a director balances: a service of a VIP, or, by firewall mark, all of a VIP. */
export interface VirtualService {
  readonly vip: Ip;
  /** Null for a service by mark: IPVS then takes whatever port the packet came to. */
  readonly service: Service | null;
  readonly mark: number | null;
  /** Those whose RIP is of the VIP's family: direct routing cannot cross families. */
  readonly realServers: readonly FarmRealServer[];
}

export interface Farm {
  readonly scheduler: string;
  readonly services: readonly VirtualService[];
  /** VIPs that nothing is rendered for, because the configuration names no service on them. */
  readonly withoutService: readonly Ip[];
}

/**
 * The director's view of the configuration. With `fwmark` the services are told by mark instead of address and port:
 * the first VIP has that mark, the next the next.
 */
export function farmOf(desired: Desired, fwmark: number | null): Farm | Extract<Rendered, { kind: 'refused' }> {
  const { farm } = desired;
  if (farm === null || farm.realServers.length === 0) {
    return refused('the configuration names no real servers', 'add farm.realServers, each with its rip (and weight)');
  }
  const served = desired.vips.filter((vip) => vip.services.length > 0);
  if (served.length === 0) {
    return refused('no VIP has a service, so there is nothing to balance', 'add services to a VIP, such as tcp/443');
  }
  if (fwmark !== null && fwmark + served.length - 1 > MOST_MARK) {
    return refused(
      `${served.length} VIPs from mark ${fwmark} on would go beyond ${MOST_MARK}`,
      'begin with a smaller --fwmark: each VIP takes one mark',
    );
  }
  const services: VirtualService[] = [];
  for (const [index, vip] of served.entries()) {
    const realServers = farm.realServers.filter(({ rip }) => familyOf(rip) === familyOf(vip.address));
    if (realServers.length === 0) {
      return refused(
        `VIP ${vip.address} is IPv${familyOf(vip.address)} and no real server has a RIP of that family`,
        `add the real servers' IPv${familyOf(vip.address)} addresses to farm.realServers`,
      );
    }
    services.push(...servicesOf(vip, realServers, fwmark === null ? null : fwmark + index));
  }
  return {
    scheduler: farm.scheduler,
    services,
    withoutService: desired.vips.filter((vip) => vip.services.length === 0).map(({ address }) => address),
  };
}

/** A mark has 32 bits (skb->mark). */
const MOST_MARK = 4_294_967_295;

/** A VIP as the director's NIC holds it: with the prefix length of one address. */
export const hostAddress = (ip: Ip): string => `${ip}/${hostPrefixLength(ip)}`;

export const refused = (because: string, next: string): Extract<Rendered, { kind: 'refused' }> => ({
  kind: 'refused',
  because,
  next,
});

/** Lines as `#` comments. */
export const comment = (lines: readonly string[]): string =>
  lines.map((line) => (line === '' ? '#' : `# ${line}`)).join('\n');

function servicesOf(vip: DesiredVip, realServers: readonly FarmRealServer[], mark: number | null): VirtualService[] {
  if (mark !== null) return [{ vip: vip.address, service: null, mark, realServers }];
  return vip.services.map((service) => ({ vip: vip.address, service, mark, realServers }));
}
