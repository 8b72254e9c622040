import { fateOf } from '../firewall/firewall.ts';
import { firstPacket } from '../firewall/nft-match.ts';
import type { Check } from '../model/check.ts';
import { wrong } from '../model/finding.ts';
import { knob } from '../network/ways.ts';
import { askedOf, knownOf } from './firewall.ts';

export const conntrackStrict: Check = {
  id: 'conntrack-strict',
  title: 'Connections survive a flush of the connection tracking table',
  severity: 'advice',
  looksAt:
    'nf_conntrack_tcp_loose, and whether the firewall drops packets in state invalid on their way to a VIP although it accepts new connections.',
  why: 'This host sees both directions of each connection, so normally no packet is invalid. After `conntrack -F`, or when a first rule switches tracking on, the kernel does not know the connections that are already there. With nf_conntrack_tcp_loose=0 it does not take them up again: their packets are invalid, the rule drops them, and every connected client hangs.',
  fix: 'sysctl -w net/netfilter/nf_conntrack_tcp_loose=1, or accept packets for the VIP’s services before the rule that drops ct state invalid.',
  source: 'net/netfilter/nf_conntrack_proto_tcp.c tcp_new(); Documentation/networking/nf_conntrack-sysctl.rst',
  early: false,
  needs: { knobs: /\/nf_conntrack_tcp_loose$/ },
  run: (context) => {
    const { observed } = context;
    const { firewall } = observed;
    if (knob(observed, 'net/netfilter/nf_conntrack_tcp_loose') !== 0) return [];
    const rules = context.desired.vips.flatMap((vip) =>
      askedOf(vip).flatMap(({ protocol, port }) => {
        if (protocol === 'udp') return [];
        const first = firstPacket(vip.address, 'tcp', port, knownOf(context, vip));
        if (fateOf(firewall, first).kind === 'dropped') return [];
        const later = fateOf(firewall, { ...first, state: 'invalid' });
        return later.kind === 'dropped' ? [{ vip: vip.address, by: later.by }] : [];
      }),
    );
    const [rule] = rules;
    if (!rule) return [];
    return [
      wrong({
        subject: null,
        severity: 'advice',
        wanted: 'nf_conntrack_tcp_loose=1, or no rule that drops invalid packets',
        seen: `nf_conntrack_tcp_loose=0, and ${rule.by}`,
        why: 'After a flush of the connection tracking table every established connection to the VIP is dropped by that rule.',
        fix: 'sysctl -w net/netfilter/nf_conntrack_tcp_loose=1',
        demand: { kind: 'host' },
        vips: [...new Set(rules.map(({ vip }) => vip))],
      }),
    ];
  },
};

/** From here on new connections are at risk; at 100 % they are dropped. */
const NEARLY_FULL = 0.9;

export const conntrackFull: Check = {
  id: 'conntrack-full',
  title: 'The connection tracking table has room',
  severity: 'high',
  looksAt:
    'nf_conntrack_count and nf_conntrack_max, if the kernel tracks connections: high at the limit, advice from 90 %.',
  why: 'When it is full the kernel drops the first packet of every new connection ("nf_conntrack: table full, dropping packet").',
  fix: 'sysctl -w net/netfilter/nf_conntrack_max=…, or do not track packets for the VIP (nft … notrack).',
  source: 'net/netfilter/nf_conntrack_core.c __nf_conntrack_alloc()',
  early: false,
  needs: { knobs: /\/nf_conntrack_(count|max)$/ },
  run: ({ observed }) => {
    const count = knob(observed, 'net/netfilter/nf_conntrack_count');
    const max = knob(observed, 'net/netfilter/nf_conntrack_max');
    if (count === null || max === null || max === 0 || count < max * NEARLY_FULL) return [];
    return [
      wrong({
        subject: null,
        severity: count >= max ? 'high' : 'advice',
        wanted: `room in a table of ${max} connections`,
        seen: `${count} of ${max} entries are in use`,
        why: 'When the table is full this host drops every new connection, and the clients that the director sends here wait.',
        fix: `sysctl -w net/netfilter/nf_conntrack_max=${max * 2}`,
        demand: { kind: 'host' },
      }),
    ];
  },
};
