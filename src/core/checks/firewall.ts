import { fateOf, rulesetOf } from '../firewall/firewall.ts';
import { arptablesDrops } from '../firewall/iptables.ts';
import { arpDrops, type Fate } from '../firewall/nft.ts';
import { firstPacket, type Packet } from '../firewall/nft-match.ts';
import { linkNamed } from '../model/addresses.ts';
import { ARP_KEYS_BACKWARDS, MANAGED } from '../model/arp-settings.ts';
import type { Check, CheckContext } from '../model/check.ts';
import type { DesiredVip, Service } from '../model/desired.ts';
import { findingId, unknown, type Verdict, wrong } from '../model/finding.ts';
import { isIpv6 } from '../model/names.ts';
import { lacksPrivilege } from '../model/reading.ts';
import { holds, ingressOf, linksOf, replyHops, routingOf, vrfOf } from '../network/ways.ts';
import { effectiveIn, isAcceptable } from '../sysctl/arp-rules.ts';

type Asked = Pick<Service, 'protocol' | 'port'> | { readonly protocol: null; readonly port: null };

export const firewallDrops: Check = {
  id: 'firewall-drops',
  title: 'The firewall lets the clients’ packets in and the replies out',
  severity: 'advice',
  looksAt:
    'For each configured service (for the whole VIP if it has none): rsprep follows the first packet of a new connection, and the reply, through the rules of nft, of iptables-nft, and of legacy iptables if one of its tables is in use. Where a rule asks for the way back (`fib saddr . iif oif`, rpfilter) or for the VIP’s device (`fib daddr . iif type`), the host’s real routes give the answer. Only a certain drop is reported: a rule that depends on the sender is assumed to let the packet in. rsprep does not list rules if that could load a kernel module, or, without privilege, if no service is configured.',
  why: 'A rule that admits only the host’s own address drops what the director sends for the VIP; health checks that ask the RIP do not notice.',
  fix: 'Add the VIP to the named rule. For a reverse path rule: do not apply it to the NIC towards the director, or accept the VIP before it.',
  source:
    'nft(8), libnftables-json(5), iptables-save(8); net/ipv4/netfilter/nft_fib_ipv4.c nft_fib4_eval(), nft_fib4_eval_type()',
  probe: 'rsprep probe service VIP:PORT --via RIP --from UNUSED/LENGTH, from a peer',
  needs: { routing: true },
  run: (context) => {
    const { firewall } = context.observed;
    if (firewall === null) return [];
    const unreadable = [firewall.nft, ...firewall.tables.map(({ rules }) => rules)].flatMap(
      (reading): readonly Verdict[] =>
        reading.kind !== 'unreadable' || !matters(context)
          ? []
          : [
              unknown({
                subject: null,
                severity: 'advice',
                reason: reading.reason,
                wouldHelp: 'root (CAP_NET_ADMIN), to list the firewall’s rules',
                forLackOfPrivilege: lacksPrivilege(reading),
              }),
            ],
    );
    const empty = rulesetOf(firewall).chains.length === 0;
    const dropped = empty
      ? []
      : context.desired.vips.flatMap((vip) => askedOf(vip).flatMap((asked) => judge(context, vip, asked)));
    return [...unreadable.slice(0, 1), ...dropped];
  },
};

/** Without a service to follow, what cannot be listed is worth a word only where a reverse path rule would bite. */
const matters = (context: CheckContext): boolean =>
  context.desired.vips.some((vip) => vip.services.length > 0 || knownOf(context, vip).returns === false);

const ANY: readonly Asked[] = [{ protocol: null, port: null }];
export const askedOf = ({ services }: DesiredVip): readonly Asked[] => (services.length > 0 ? services : ANY);

function judge(context: CheckContext, vip: DesiredVip, { protocol, port }: Asked): readonly Verdict[] {
  const { firewall } = context.observed;
  const first = firstPacket(vip.address, protocol, port, knownOf(context, vip));
  const [what, subject] =
    protocol === null
      ? ['everything', vip.address]
      : [`${protocol}/${port}`, `${vip.address}/${protocol}/${port}` as const];
  const verdict = (fate: Fate, wanted: string, why: string, fix: string): readonly Verdict[] =>
    fate.kind !== 'dropped'
      ? []
      : [
          wrong({
            subject,
            severity: 'advice',
            wanted,
            seen: fate.by,
            why,
            fix,
            demand: { kind: 'vip', ip: vip.address },
            vips: [vip.address],
          }),
        ];
  const fate = fateOf(firewall, first);
  if (fate.kind !== 'accepted' && fate.kind !== 'unsure') {
    return verdict(
      fate,
      `${what} to ${vip.address} let in`,
      'As far as rsprep can read the rules, the firewall drops the clients’ packets: this host’s share of the traffic is lost.',
      `let ${what} to ${vip.address} in before that rule`,
    );
  }
  return verdict(
    fateOf(firewall, { ...first, direction: 'out', state: 'established' }),
    `replies of ${what} from ${vip.address} let out`,
    'As far as rsprep can read the rules, the firewall drops the replies from the VIP.',
    `let ${what} from ${vip.address} out before that rule`,
  );
}

/** What the host’s own routes and addresses say about packets for a VIP. */
export function knownOf(context: CheckContext, vip: DesiredVip): Pick<Packet, 'enters' | 'returns' | 'onOtherDevice'> {
  const links = linksOf(context);
  const routing = routingOf(context);
  const own = linkNamed(links, vip.device);
  const enters = ingressOf(context, vip);
  // A VRF shows its packets to the rules twice, by the NIC and by itself, and its table was not asked.
  if ([...enters, ...(own ? [own] : [])].some((link) => vrfOf(links, link) !== null)) return NOTHING_KNOWN;
  const names: readonly string[] = enters.map(({ name }) => name);
  const inside = own?.loopback || own?.kind === 'dummy';
  const elsewhere = names.length > 0 ? !names.includes(vip.device) : inside ? true : null;
  const back: readonly string[] = routing === null ? [] : replyHops(routing, vip.address).map(({ device }) => device);
  const returning = names.filter((name) => back.includes(name));
  const returns = returning.length === names.length ? true : returning.length === 0 ? false : null;
  return {
    enters: names,
    returns: back.length === 0 || names.length === 0 ? null : returns,
    onOtherDevice: holds(context, vip.address) ? elsewhere : null,
  };
}

const NOTHING_KNOWN = { enters: [], returns: null, onOtherDevice: null } as const;

export const arpFilter: Check = {
  id: 'arp-filter',
  title: 'Silence does not depend on a packet filter',
  severity: 'advice',
  looksAt:
    'Rules that drop ARP while arp_ignore or arp_announce is wrong: those of nft’s arp family, and those of legacy arptables if /proc/net/arp_tables_names shows that its table is in use. While such a filter drops the right packets, other hosts do not see the leak that arp-ignore and arp-announce report. The next flush of the rules brings it back.',
  why: 'The next `nft flush ruleset` removes the filter that keeps this host quiet, and nobody notices until this host has taken the VIP.',
  fix: 'rsprep apply sets the sysctls; after that the filter is not needed.',
  source: 'nft(8) family arp, arptables(8), net/ipv4/netfilter/arp_tables.c',
  run: (context) => {
    const { firewall } = context.observed;
    const root = firewall === null ? null : openBy(context);
    if (firewall === null || root === null || context.desired.vips.every(({ address }) => isIpv6(address))) return [];
    const { nft, arptables } = firewall;
    const unreadable = [nft, arptables].flatMap((reading): readonly Verdict[] =>
      reading.kind !== 'unreadable'
        ? []
        : [
            unknown({
              subject: null,
              severity: 'advice',
              reason: reading.reason,
              wouldHelp: 'root (CAP_NET_ADMIN), to list the rules for ARP',
              forLackOfPrivilege: lacksPrivilege(reading),
            }),
          ],
    );
    const rules = [
      ...arpDrops(rulesetOf(firewall)),
      ...(arptables.kind === 'value' ? arptablesDrops(arptables.value) : []),
    ];
    if (rules.length === 0) return unreadable.slice(0, 1);
    return [
      wrong({
        subject: null,
        severity: 'advice',
        wanted: 'the sysctls, which no `flush ruleset` takes away',
        seen: `a filter drops ARP, but the sysctl does not: ${rules.slice(0, 3).join('; ')}`,
        why: 'The filter may hide the leak for now. As soon as the rules are flushed, this host takes the VIP.',
        fix: 'rsprep apply',
        demand: { kind: 'host' },
        rootedIn: root,
      }),
    ];
  },
};

/** The finding about an ARP setting that is not as wanted; null where all are. */
function openBy({ observed }: CheckContext): string | null {
  const { arp } = observed;
  if (arp.kind !== 'value') return null;
  const settings = arp.value;
  for (const key of ARP_KEYS_BACKWARDS) {
    const open = [...settings.keys()].filter(
      (name) => name !== 'lo' && name !== 'all' && !isAcceptable(key, effectiveIn(settings, key, name)),
    );
    const [first] = open;
    if (first === undefined) continue;
    return findingId(MANAGED[key].check.id, isAcceptable(key, effectiveIn(settings, key, 'all')) ? first : 'all');
  }
  return null;
}
