import type { Desired, DesiredVip } from '../core/model/desired.ts';
import { hostPrefixLength, type Ip, isIpv6 } from '../core/model/names.ts';
import { comment, farmOf, type Rendered, refused } from './farm.ts';
import { renderIpvsadm } from './ipvsadm.ts';
import { type KeepalivedOptions, renderKeepalived } from './keepalived.ts';

export interface LocalnodeOptions {
  /** Every director that is also a real server, with the MAC of its NIC on the segment. */
  readonly directors: readonly { readonly address: Ip; readonly mac: string }[];
  /** How the mark is set. */
  readonly rules: 'nftables' | 'iptables';
  /** What holds the virtual services. */
  readonly balancer: 'keepalived' | 'ipvsadm';
  readonly check: KeepalivedOptions['check'];
  /** Mark of the first VIP. Default of the command: 1. */
  readonly fwmark: number;
}

export interface LocalnodeHost {
  readonly address: Ip;
  /** Shell script (iptables) or ruleset for `nft -f` (nftables): marks what does not come from another director. */
  readonly rules: string;
  /** keepalived.conf part or ipvsadm script. */
  readonly balancer: string;
}

/**
 * For directors that are real servers too. A packet that one director hands to the other arrives there for the VIP, and
 * IPVS there would balance it again: two such hosts bounce it until its TTL ends. So IPVS gets only what carries a mark,
 * and what comes from another director's MAC gets none: it is delivered locally.
 */
export function renderLocalnode(
  desired: Desired,
  options: LocalnodeOptions,
): { readonly kind: 'hosts'; readonly hosts: readonly LocalnodeHost[] } | Extract<Rendered, { kind: 'refused' }> {
  const farm = farmOf(desired, options.fwmark);
  if ('kind' in farm) return farm;
  if (options.directors.length < 2) {
    return refused(
      `a loop takes two directors, received ${options.directors.length}`,
      'give every localnode director with its MAC, such as --mac 10.0.0.2=02:00:00:00:00:02 --mac 10.0.0.3=…',
    );
  }
  const twice = (values: readonly string[]): string | undefined =>
    values.find((value, index) => values.indexOf(value) !== index);
  const macs = options.directors.map(({ mac }) => mac.toLowerCase());
  const [address, mac] = [twice(options.directors.map((director) => director.address)), twice(macs)];
  if (address !== undefined || mac !== undefined) {
    return refused(
      `${address ?? mac} was given for more than one director`,
      'give each director once, with its own MAC',
    );
  }
  // The least bit of the first byte marks a group: no NIC sends from such an address.
  const odd = macs.find((text) => Number.parseInt(text.slice(0, 2), 16) % 2 === 1 || /^(00:?)+$/.test(text));
  if (odd !== undefined)
    return refused(`${odd} cannot be the MAC of a NIC`, 'look it up on the director: ip link show');
  const balancer =
    options.balancer === 'keepalived'
      ? renderKeepalived(desired, { check: options.check, tcpCheck: false, fwmark: options.fwmark })
      : renderIpvsadm(desired, { fwmark: options.fwmark });
  if (balancer.kind === 'refused') return balancer;
  const vips = desired.vips.filter((vip) => vip.services.length > 0);
  const hosts = options.directors.map(({ address }) => {
    const others = options.directors.filter((other) => other.address !== address).map(({ mac }) => mac.toLowerCase());
    const rules =
      options.rules === 'nftables' ? nftables(vips, others, options.fwmark) : iptables(vips, others, options.fwmark);
    return { address, rules: `${rules}\n`, balancer: balancer.text };
  });
  return { kind: 'hosts', hosts };
}

const WHY = [
  'Packets for the VIPs get a mark, which IPVS balances, unless they come from another director: those have been',
  'balanced already and are for this host. Without this, two such hosts send a packet back and forth until its TTL ends.',
  '',
  'The alternative, net.ipv4.vs.backup_only = 1 on the host that is not master, works only while the backup sync daemon',
  'runs there (ipvsadm --start-daemon backup). If the daemon ends, or both hosts are master, packets loop again; and a',
  'host that becomes master while its daemon is still a backup serves alone and balances nothing.',
];

function nftables(vips: readonly DesiredVip[], others: readonly string[], mark: number): string {
  const rules = vips.flatMap((vip, index) =>
    vip.services.map(
      ({ protocol, port }) =>
        `    ether saddr != { ${others.join(', ')} } ${isIpv6(vip.address) ? 'ip6' : 'ip'} daddr ${vip.address} ${protocol} dport ${port} meta mark set ${mark + index}`,
    ),
  );
  return [
    '#!/usr/sbin/nft -f',
    comment([
      'Rendered by rsprep for one localnode director. Load with nft -f; loading it again changes nothing.',
      ...WHY,
    ]),
    'table inet rsprep_localnode',
    'delete table inet rsprep_localnode',
    'table inet rsprep_localnode {',
    '  chain prerouting {',
    '    type filter hook prerouting priority mangle; policy accept;',
    ...rules,
    '  }',
    '}',
  ].join('\n');
}

/** A chain of its own: returns for the other directors' MACs first, so that any number of them can be excluded. */
function iptables(vips: readonly DesiredVip[], others: readonly string[], mark: number): string {
  const family = (six: boolean): string[] => {
    const rules = vips.flatMap((vip, index) =>
      isIpv6(vip.address) !== six
        ? []
        : vip.services.map(
            ({ protocol, port }) =>
              `$t -A $c -d ${vip.address}/${hostPrefixLength(vip.address)} -p ${protocol} --dport ${port} ${others.length === 1 ? `-m mac ! --mac-source ${others[0]} ` : ''}-j MARK --set-mark ${mark + index}`,
          ),
    );
    if (rules.length === 0) return [];
    return [
      `t='${six ? 'ip6tables' : 'iptables'} -w -t mangle' c=RSPREP_LOCALNODE`,
      '$t -N $c 2>/dev/null || $t -F $c',
      ...(others.length === 1 ? [] : others.map((mac) => `$t -A $c -m mac --mac-source ${mac} -j RETURN`)),
      ...rules,
      '$t -C PREROUTING -j $c 2>/dev/null || $t -A PREROUTING -j $c',
    ];
  };
  return [
    '#!/bin/sh',
    comment(['Rendered by rsprep for one localnode director. Running it again changes nothing.', ...WHY]),
    'set -eu',
    ...family(false),
    ...family(true),
  ].join('\n');
}
