import { type InterfaceName, type Ip, isIpv6 } from '../core/model/names.ts';
import type { Link } from '../core/model/observed.ts';
import type { Mac } from './mac.ts';

export interface ProbeInterface extends Link {
  readonly mac: Mac | null;
  /** Frames there begin with an Ethernet header. */
  readonly ethernet: boolean;
  readonly carrier: boolean;
}

/** Names of the devices a probe makes: the process that made it in base 36, so that leftovers are told from devices in use. */
export const DEVICE_PATTERN = /^rsprobe([0-9a-z]{1,5})-([a-z])$/;
export const deviceName = (pid: number, letter: string): string => `rsprobe${pid.toString(36)}-${letter}`;

/** What to ask on one interface, or why it is left out. */
export type InterfacePlan =
  | {
      readonly kind: 'probe';
      readonly nic: ProbeInterface & { readonly mac: Mac };
      /** An address that must answer ARP there. Null where the interface has none that is not a VIP. */
      readonly control4: Ip | null;
      /** An address that must answer neighbour solicitations there. */
      readonly control6: Ip | null;
    }
  | { readonly kind: 'skip'; readonly name: InterfaceName; readonly reason: string };

/** Ports of these have no ARP of their own: the device above answers for them. A VRF's members keep theirs. */
const TAKES_OVER = new Set(['bridge', 'bond', 'team', 'openvswitch', 'ovs-system']);

/** Every interface that could answer for a VIP, in the kernel's order. */
export function planInterfaces(interfaces: readonly ProbeInterface[], vips: readonly Ip[]): readonly InterfacePlan[] {
  const wanted = new Set(vips);
  return interfaces
    .filter(({ name, loopback }) => !loopback && !DEVICE_PATTERN.test(name))
    .map((nic): InterfacePlan => {
      const reason = unfit(nic);
      if (reason !== null || nic.mac === null)
        return { kind: 'skip', name: nic.name, reason: reason ?? 'it has no MAC address' };
      const own = nic.addresses.filter(({ ip, tentative, dadFailed }) => !wanted.has(ip) && !tentative && !dadFailed);
      const global4 = own.find(({ ip, scope }) => !isIpv6(ip) && scope === 'global');
      const six = own.filter(({ ip }) => isIpv6(ip));
      return {
        kind: 'probe',
        nic: { ...nic, mac: nic.mac },
        control4: (global4 ?? own.find(({ ip, scope }) => !isIpv6(ip) && scope === 'link'))?.ip ?? null,
        control6: (six.find(({ scope }) => scope === 'link') ?? six[0])?.ip ?? null,
      };
    });
}

function unfit(nic: ProbeInterface): string | null {
  if (!nic.up) return 'it is down, and does not answer';
  if (!nic.ethernet) return 'it is not an Ethernet device: there is no ARP there';
  if (nic.noArp) return 'it does no ARP (NOARP)';
  if (nic.portKind !== null && TAKES_OVER.has(nic.portKind))
    return `a port of ${nic.master ?? `a ${nic.portKind}`}, which answers for it`;
  return nic.carrier ? null : 'it has no carrier: no packet would leave it';
}
