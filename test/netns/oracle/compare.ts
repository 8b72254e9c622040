// Whatever the peers see go wrong is a finding; whatever is critical or high is seen to go wrong, or has a reason here.
import { VIP } from '../../support/netns.ts';
import type { ShownFinding } from '../../support/rsprep.ts';
import type { Seen } from './peers.ts';
import type { State } from './state.ts';

export interface Found extends ShownFinding {
  readonly check: string;
  readonly subject: string | null;
}

/** What a peer saw go wrong, and the checks of which one has to say so. */
interface Wrong {
  readonly what: string;
  readonly by: readonly string[];
}

/** Why a finding was not seen by the peers although it is right. Each is documented on the check's page. */
export type Exception =
  | 'no VIP on the host that could leak'
  | 'about an interface that is not there yet'
  | 'fragile: arp_ignore=3 with a VIP of scope host or with a peer'
  | 'fragile: arp_announce=1, and the VIP is in another subnet than the NIC'
  | 'fragile: arp_ignore=8 on a NIC that has no address to answer for'
  | 'fragile: a /8 beside a more specific route'
  | 'hidden by a rp_filter that also stops the question'
  | 'hidden by arp_ignore=8, which answers nothing at all'
  | 'hidden by arp_ignore=2, which answers only within the address’s own prefix'
  | 'hidden by another finding: no reply leaves this host'
  | 'hidden by vip-unroutable: what the kernel does not take for its own it does not answer for'
  | 'hidden by service-source: the reply comes from the RIP'
  | 'fragile: a rule keeps what the VIP sends off that NIC'
  | 'fragile: a rule refuses what is for the VIP, so that nobody proxies for it'
  | 'no neighbour was asked for on that NIC'
  | 'no default route, so no reply to a far client'
  | 'by chance: two sockets, and neither request met the one without IP_PKTINFO'
  | 'fragile: a peer that nobody here has as its address';

export interface Comparison {
  /** Seen by peers, and no finding. */
  readonly missed: readonly string[];
  /** A finding that nobody saw, without a documented reason. */
  readonly unproved: readonly string[];
  readonly proved: readonly string[];
  readonly excepted: readonly { readonly id: string; readonly because: Exception }[];
}

export function compare(state: State, seen: Seen, findings: readonly Found[], nicB: string): Comparison {
  const bad = findings.filter(({ kind, severity }) => kind === 'wrong' && severity !== 'advice');
  const ids = new Set(bad.flatMap(({ id, consequences }) => [id, ...(consequences ?? []).map((c) => c.id)]));
  const says = (check: string): boolean => [...ids].some((id) => id === check || id.startsWith(`${check}@`));
  const missed = wrongs(state, seen)
    .filter(({ by }) => !by.some(says))
    .map(({ what }) => what);
  const proved: string[] = [];
  const unproved: string[] = [];
  const excepted: { id: string; because: Exception }[] = [];
  for (const finding of bad) {
    if (isSeen(finding, state, seen, nicB)) proved.push(finding.check);
    else {
      const because = excuse(finding, state, seen, nicB, says);
      if (because === null) unproved.push(finding.id);
      else excepted.push({ id: finding.id, because });
    }
  }
  return { missed, unproved, proved, excepted };
}

function wrongs(state: State, seen: Seen): readonly Wrong[] {
  const list: Wrong[] = [];
  const silent = [
    ...['vip-missing', 'rp-filter', 'service-missing', 'vip-prefix', 'local-route', 'gateway-is-director'],
    ...['no-way-back', 'vip-unroutable'],
  ];
  const noDefault = state.route === 'none' || state.route === 'unreachable';
  if (seen.answers.a || seen.answers.b)
    list.push({ what: 'it answers ARP for the VIP', by: ['arp-ignore', 'vip-on-nic', 'proxy-arp'] });
  if (seen.asks.a || seen.asks.b)
    list.push({ what: 'it asks with the VIP as sender', by: ['arp-announce', 'arp-sender', 'vip-on-nic'] });
  if (!seen.ripArp.a || seen.ripArp.b === false)
    list.push({ what: 'the RIP does not answer ARP', by: ['arp-ignore', 'vip-prefix', 'local-route', 'rp-filter'] });
  if (!seen.ripUdp) list.push({ what: 'the RIP cannot be reached', by: ['vip-prefix', 'local-route', 'arp-ignore'] });
  if (seen.near === null) list.push({ what: 'no reply to a near client', by: silent });
  if (seen.near !== null && seen.near !== VIP)
    list.push({ what: 'a reply from the wrong address', by: ['service-source', 'service-missing'] });
  if (seen.far === null && !noDefault) list.push({ what: 'no reply to a far client', by: silent });
  // A reply from the RIP is wrong by its source already, whichever way the RIP's packets go.
  if (seen.farBy === 'director' && seen.far === VIP)
    list.push({ what: 'replies go to the director', by: ['gateway-is-director'] });
  if (seen.own === VIP)
    list.push({ what: 'its own packets start from the VIP', by: ['vip-as-source', 'arp-sender', 'vip-on-nic'] });
  return list;
}

const lanOf = (subject: string | null, nicB: string): readonly ('a' | 'b')[] =>
  subject === 'eth0' ? ['a'] : subject === nicB ? ['b'] : ['a', 'b'];

function isSeen({ check, subject }: Found, state: State, seen: Seen, nicB: string): boolean {
  const lans = lanOf(subject, nicB);
  switch (check) {
    case 'arp-ignore':
      return lans.some((lan) => seen.answers[lan] || seen.ripArp[lan] === false);
    case 'arp-announce':
    case 'arp-sender':
      return lans.some((lan) => seen.asks[lan]);
    case 'proxy-arp':
      return lans.some((lan) => seen.answers[lan]);
    case 'vip-on-nic':
      return state.onNic !== null && (seen.answers[state.onNic.nic] || seen.asks[state.onNic.nic] || seen.own === VIP);
    case 'vip-prefix':
    case 'local-route':
      return !seen.ripArp.a || !seen.ripUdp || seen.near === null;
    case 'vip-missing':
      return seen.near === null;
    case 'service-missing':
      // A socket bound to a device hears what comes in by it and answers by no other.
      return seen.near === null || (state.binding === 'deviceA' && seen.far === null);
    case 'service-source':
      return [seen.near, seen.far].some((source) => source !== null && source !== VIP);
    case 'rp-filter':
      return seen.far === null;
    case 'no-way-back':
    case 'vip-unroutable':
      return seen.near === null || seen.far === null;
    case 'gateway-is-director':
      return seen.farBy === 'director';
    case 'vip-as-source':
      return seen.own === VIP;
    default:
      return false;
  }
}

function excuse(
  { check, subject }: Found,
  state: State,
  seen: Seen,
  nicB: string,
  says: (check: string) => boolean,
): Exception | null {
  const lans = lanOf(subject, nicB);
  const held = state.onLo !== null || state.onNic !== null;
  const max = (values: Readonly<Record<string, number>>, lan: 'a' | 'b'): number =>
    Math.max(values.all ?? 0, values[lan] ?? 0);
  /** A filter that also drops the peers’ questions; 2 does on a NIC without an address, where another route leads back. */
  const filtered = (lan: 'a' | 'b'): boolean =>
    max(state.rpFilter, lan) === 1 ||
    // … and anywhere where the VIP has no way back at all: also a question for it is looked up that way.
    (max(state.rpFilter, lan) > 0 && ((lan === 'b' && !state.numberedB) || says('no-way-back')));
  const replies = seen.near !== null || seen.far !== null;
  if (check.startsWith('arp-') && !held) return 'no VIP on the host that could leak';
  if (
    check.startsWith('arp-') &&
    (subject === 'default' || (subject === 'all' && lans.every((lan) => fine(check, state, lan))))
  ) {
    return 'about an interface that is not there yet';
  }
  // A VIP with a peer is not in its place, and vip-unroutable speaks only of those that are.
  const unroutable = says('vip-unroutable') || (state.noLocalRoute && state.onLo?.peer !== undefined && !state.onNic);
  if ((check.startsWith('arp-') || check === 'vip-on-nic') && unroutable)
    return 'hidden by vip-unroutable: what the kernel does not take for its own it does not answer for';
  if (check === 'no-way-back' && [seen.near, seen.far].every((source) => source !== null && source !== VIP))
    return 'hidden by service-source: the reply comes from the RIP';
  if (check === 'arp-ignore') {
    // With 3 the kernel compares the address asked for with each ifa_address, which is the peer (confirm_addr_indev()).
    const unconfirmed = state.onLo?.scope === 'host' || state.onLo?.peer !== undefined;
    if (unconfirmed && lans.some((lan) => max(state.ignore, lan) === 3))
      return 'fragile: arp_ignore=3 with a VIP of scope host or with a peer';
    if (!state.numberedB && subject === nicB && max(state.ignore, 'b') === 8)
      return 'fragile: arp_ignore=8 on a NIC that has no address to answer for';
    if (lans.some(filtered)) return 'hidden by a rp_filter that also stops the question';
  }
  if (check === 'arp-announce') {
    if (lans.every((lan) => !seen.asked[lan])) return 'no neighbour was asked for on that NIC';
    const other = (lan: 'a' | 'b') => max(state.announce, lan) === 1 && lan === 'b';
    if (lans.filter((lan) => !fine(check, state, lan)).every((lan) => other(lan) || !seen.asked[lan])) {
      return 'fragile: arp_announce=1, and the VIP is in another subnet than the NIC';
    }
  }
  if (check === 'arp-announce' && state.rule !== 'none' && state.rule !== 'refused') {
    // Replies of the VIP leave by eth0 alone, or not at all: nothing makes the other NIC ask for a neighbour on its behalf.
    const off = lans.filter((lan) => !fine(check, state, lan));
    if (off.every((lan) => lan === 'b' || state.rule !== 'own-way'))
      return 'fragile: a rule keeps what the VIP sends off that NIC';
  }
  if (check === 'arp-sender' && !seen.asked.b) return 'no neighbour was asked for on that NIC';
  if (check === 'vip-on-nic' && state.onNic) {
    const ignore = max(state.ignore, state.onNic.nic);
    if (ignore === 8) return 'hidden by arp_ignore=8, which answers nothing at all';
    if (ignore === 2) return 'hidden by arp_ignore=2, which answers only within the address’s own prefix';
    if (filtered(state.onNic.nic)) return 'hidden by a rp_filter that also stops the question';
    if (says('vip-prefix')) return 'hidden by another finding: no reply leaves this host';
  }
  if ((check === 'vip-prefix' || check === 'local-route') && state.onLo?.prefixLength === 8)
    return 'fragile: a /8 beside a more specific route';
  if (check === 'proxy-arp' && state.rule === 'refused')
    return 'fragile: a rule refuses what is for the VIP, so that nobody proxies for it';
  if (check === 'proxy-arp' && lans.some((lan) => max(state.ignore, lan) === 8 || filtered(lan))) {
    return 'hidden by a rp_filter that also stops the question';
  }
  if (check === 'vip-prefix' && state.onLo?.peer === '10.0.0.77' && state.onLo.prefixLength === 32)
    return 'fragile: a peer that nobody here has as its address';
  if (check === 'service-source' && state.binding === 'pair' && replies)
    return 'by chance: two sockets, and neither request met the one without IP_PKTINFO';
  if (['rp-filter', 'gateway-is-director', 'vip-as-source', 'service-source'].includes(check)) {
    const noDefault = state.route === 'none' || state.route === 'unreachable';
    if (noDefault && check !== 'service-source') return 'no default route, so no reply to a far client';
    const muting = [
      ...['vip-missing', 'service-missing', 'vip-prefix', 'local-route', 'rp-filter', 'no-way-back', 'vip-unroutable'],
    ].filter((other) => other !== check);
    if ((!replies || check !== 'service-source') && muting.some(says))
      return 'hidden by another finding: no reply leaves this host';
  }
  return null;
}

/** Whether the effective value on a LAN is what keeps a host silent. */
function fine(check: string, { ignore, announce }: State, lan: 'a' | 'b'): boolean {
  if (check === 'arp-announce') return Math.max(announce.all ?? 0, announce[lan] ?? 0) === 2;
  return [1, 2].includes(Math.max(ignore.all ?? 0, ignore[lan] ?? 0));
}
