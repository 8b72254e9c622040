import { type Ip, isIpv6 } from '../core/model/names.ts';
import type { InterfacePlan } from './interfaces.ts';
import { type ProbeResult, voided } from './result.ts';

type Probed = Extract<InterfacePlan, { kind: 'probe' }>;

/** Addresses that answered on one interface. */
export interface SelfHeard {
  readonly arp: ReadonlySet<Ip>;
  readonly ndp: ReadonlySet<Ip>;
  /** Whether the questions themselves were seen to arrive at the interface. */
  readonly arrived: boolean;
}

/** One result per interface and family. What answered is a leak with or without a control; silence needs one. */
export function judgeSelf(
  plan: Probed,
  vips: readonly Ip[],
  heard: SelfHeard,
  held: ReadonlySet<Ip>,
): readonly ProbeResult[] {
  const vips4 = vips.filter((vip) => !isIpv6(vip));
  const vips6 = vips.filter(isIpv6);
  return [
    ...(vips4.length > 0 ? [unlessAbsent(judgeArp(plan, vips4, heard), vips4, held)] : []),
    ...(vips6.length > 0 ? [unlessAbsent(judgeNdp(plan, vips6, heard), vips6, held)] : []),
  ];
}

/** An address that is not here is answered for by a proxy only, and proxies ignore ARP from 0.0.0.0 (arp_process). */
function unlessAbsent(result: ProbeResult, vips: readonly Ip[], held: ReadonlySet<Ip>): ProbeResult {
  const missing = vips.filter((vip) => !held.has(vip));
  if (result.outcome !== 'good' || missing.length === 0) return result;
  return voided(result.probe, result.subject, {
    message: `silent, but this host does not have ${counted(missing)}: this proves nothing`,
    next: '`rsprep apply`; a proxy that answers for an absent VIP is seen from another host: rsprep probe arp',
  });
}

function judgeArp({ nic, control4, control6 }: Probed, vips: readonly Ip[], heard: SelfHeard): ProbeResult {
  const leaking = vips.filter((vip) => heard.arp.has(vip));
  if (leaking.length > 0) {
    return {
      probe: 'probe-arp',
      subject: nic.name,
      outcome: 'wrong',
      severity: 'critical',
      wanted: `silence when somebody at ${nic.name} asks ARP for a VIP`,
      seen: `${nic.name} (${nic.mac}) answers for ${leaking.join(', ')}`,
      why: 'A neighbour that gets this answer sends the traffic of all clients to this host alone, past the director.',
      next: '`rsprep verify` names the setting; `rsprep apply` fixes arp_ignore, and with --take-from-nic an address on the NIC',
      vips: leaking,
    };
  }
  const good = (control: string): ProbeResult => ({
    probe: 'probe-arp',
    subject: nic.name,
    outcome: 'good',
    seen: `silent for ${counted(vips)}`,
    control,
  });
  if (control4 !== null) {
    if (heard.arp.has(control4)) return good(`${control4} answered the same question`);
    return voided('probe-arp', nic.name, {
      message: `the control failed: ${control4}, which is an address of ${nic.name}, did not answer ARP either`,
      next: `look for arp_ignore=8 (answers nothing) on all or ${nic.name}, ARP rules of nft or arptables, and a proxy or filter in its traffic control`,
    });
  }
  // An interface without an address of its own has nothing that must answer ARP. That a neighbour solicitation put in the same
  // way was answered shows that what is put in reaches the kernel and that its answers are seen.
  if (control6 !== null && heard.ndp.has(control6) && heard.arrived)
    return good(`it has no IPv4 address of its own; ${control6} answered a neighbour solicitation put in the same way`);
  return voided('probe-arp', nic.name, {
    message: `${nic.name} has no address of its own that would have to answer, so its silence proves nothing`,
    next: `take ${nic.name} down if it is not used, or ask from another host there: rsprep probe arp ${vips[0] ?? 'VIP'}`,
  });
}

function judgeNdp({ nic, control6 }: Probed, vips: readonly Ip[], heard: SelfHeard): ProbeResult {
  const leaking = vips.filter((vip) => heard.ndp.has(vip));
  if (leaking.length > 0) {
    return {
      probe: 'probe-ndp',
      subject: nic.name,
      outcome: 'wrong',
      severity: 'critical',
      wanted: `silence when somebody at ${nic.name} solicits a VIP's neighbour`,
      seen: `${nic.name} (${nic.mac}) advertises ${leaking.join(', ')}`,
      why: 'A neighbour that gets this advertisement sends the traffic of all clients to this host alone, past the director.',
      next: `take the VIP off ${nic.name} (it belongs on lo), or delete its proxy: ip -6 neigh show proxy`,
      vips: leaking,
    };
  }
  if (control6 !== null && heard.ndp.has(control6))
    return {
      probe: 'probe-ndp',
      subject: nic.name,
      outcome: 'good',
      seen: `silent for ${counted(vips)}`,
      control: `${control6} answered the same question`,
    };
  if (control6 === null)
    return {
      probe: 'probe-ndp',
      subject: nic.name,
      outcome: 'skipped',
      reason: 'it has no IPv6 address: the kernel advertises nothing there',
    };
  return voided('probe-ndp', nic.name, {
    message: `the control failed: ${control6}, which is an address of ${nic.name}, did not answer a neighbour solicitation either`,
    next: 'look for a firewall that drops ICMPv6, and for disable_ipv6',
  });
}

const counted = (vips: readonly Ip[]): string => (vips.length <= 3 ? vips.join(', ') : `${vips.length} VIPs`);
