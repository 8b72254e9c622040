import type { Guest } from './uml.ts';

/** What a guest needs to have bonds, VLANs, tunnels and whole networks inside. */
export const NETWORK_MODULES = [
  ...['veth', 'bridge', '8021q', 'dummy', 'macvlan', 'vrf', 'ipip', 'bonding'],
  ...['ip_vs', 'ip_vs_rr', 'iptable_mangle', 'xt_mac', 'xt_mark'],
];

/**
 * A segment inside the guest: namespaces `rs` (its NICs are for the caller to add), `peer` 10.0.0.50 and a switch
 * between them. `ports` veth ends called `p0`, `p1` … are left in `rs`, down, for a bond, VLANs or plain use.
 * Safe to call again: everything of an earlier call is removed first.
 */
export async function segment(
  guest: Guest,
  options: { readonly ports: number; readonly vlan?: number },
): Promise<void> {
  const peer = options.vlan === undefined ? 'eth0' : `eth0.${options.vlan}`;
  const ports = Array.from({ length: options.ports }, (_, n) => n);
  // Batches: a fork and exec costs 30 ms in UML.
  await guest.ok(`
    set -e
    for ns in lan rs peer; do [ ! -e /run/netns/$ns ] || echo netns del $ns; done | ip -batch -
    ip -batch - <<END
netns add lan
netns add rs
netns add peer
link add name br0 netns lan type bridge forward_delay 0 stp_state 0 mcast_snooping 0
link add name toPeer netns lan type veth peer name eth0 netns peer
${ports.map((n) => `link add name port${n} netns lan type veth peer name p${n} netns rs`).join('\n')}
END
    ip -n lan -batch - <<END
link set br0 up
link set toPeer master br0 up
${ports.map((n) => `link set port${n} master br0 up`).join('\n')}
END
    ip -n peer -batch - <<END
link set lo up
link set eth0 up
${options.vlan === undefined ? '' : `link add link eth0 name ${peer} type vlan id ${options.vlan}\nlink set ${peer} up`}
address add 10.0.0.50/24 dev ${peer}
END
    ip -n rs link set lo up`);
}

/** The MACs that answer when `peer` asks ARP for `address`, one per reply. */
export async function whoHas(guest: Guest, address: string, device = 'eth0'): Promise<string[]> {
  // In one kernel the reply is there when the question has been sent; on a busy machine arping is slow to start, though.
  for (const waitS of [0.3, 1, 3]) {
    // SIGINT makes arping print what it has and end; its exit status says nothing (arping(8) of iputils).
    const asked = await guest.sh(`timeout -s INT ${waitS} arping -b -c 1 -w 5 -I ${device} ${address}`, {
      netns: 'peer',
    });
    if (asked.stdout.includes('Sent ')) {
      return [...asked.stdout.matchAll(/reply from \S+ \[([0-9A-F:]+)\]/gi)].map(([, mac]) =>
        (mac ?? '').toLowerCase(),
      );
    }
  }
  throw new Error(`arping did not ask for ${address} on ${device} within 3 s`);
}
