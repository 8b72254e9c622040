/** What goes wrong with direct routing where a real server cannot see it: no check, but a page that says what shows it. */
export interface Elsewhere {
  /** Kebab-case, beside the ids of checks. */
  readonly id: string;
  readonly title: string;
  /** Where it can be seen. */
  readonly where: string;
  readonly probe: string;
  readonly why: string;
  readonly fix: string;
  readonly source: string;
}

export const ELSEWHERE: readonly Elsewhere[] = [
  {
    id: 'director-source',
    title: 'The director talks to the real servers from its own address',
    where:
      'on the director; on a real server only as in_martian_src in /proc/net/stat/rt_cache, which also counts other things',
    probe: 'on the director: ip route get RIP, whose prefsrc must not be the VIP',
    why: 'A real server owns the VIP, so it treats packets and ARP requests that come from the VIP as forged ("martian source") and drops them: the director’s health checks fail while clients are served.',
    fix: 'Add the VIP on the director with scope host or as a secondary /32, or give its route to the segment `src DIP`.',
    source: 'net/ipv4/fib_frontend.c fib_validate_source(), net/ipv4/arp.c arp_process()',
  },
  {
    id: 'upstream-filter',
    title: 'The network lets packets out that come from the VIP',
    where: 'from a client’s network; neither host sees it',
    probe: 'rsprep probe service VIP:PORT --via RIP --from UNUSED/LENGTH, from a peer behind the same filter',
    why: 'Port security of clouds and hypervisors, and ingress filters of routers (BCP 38), drop packets whose source is not the port’s own address. Requests arrive and replies vanish.',
    fix: 'Allow the VIP on the real server’s port: "allowed address pairs", "source/destination check off", or what your network calls it.',
    source: 'RFC 2827; the network’s manual',
  },
  {
    id: 'director-gateway',
    title: 'The director reaches the real servers without a router',
    where: 'on the director',
    probe: 'on the director: ip route get RIP must have no gateway',
    why: 'A director that reaches a real server through a router cannot hand packets over by MAC address.',
    fix: 'Put the director and its real servers on one segment, or use LVS-TUN.',
    source: 'net/netfilter/ipvs/ip_vs_xmit.c ip_vs_dr_xmit()',
  },
  {
    id: 'poisoned-neighbour',
    title: 'Nobody has cached a real server as the owner of the VIP',
    where:
      'on routers and clients of the segment; on a real server as VIP traffic whose source MAC is not a director’s',
    probe: 'rsprep probe arp VIP, from another host; rsprep probe watch, on the real server',
    why: 'A leak outlasts its cause: a router keeps its wrong entry alive by asking that host directly. In a test it took 30 s to end; it may take longer.',
    fix: '`arping -U -c1 -I IF VIP` on the director, never on a real server: it tells everybody at once.',
    source: 'net/ipv4/arp.c arp_process(), net/core/neighbour.c neigh_periodic_work()',
  },
  {
    id: 'gratuitous-arp-tools',
    title: 'Nobody announces the VIP by hand',
    where: 'on the segment, at the moment it happens',
    probe: 'rsprep probe watch, on the real server',
    why: '`arping -U VIP`, keepalived as MASTER and the failover of a bond send what they are told to: no sysctl stops a program that writes ARP frames itself.',
    fix: 'Never run arping -U or -A for the VIP on a real server.',
    source: 'arping(8), packet(7)',
  },
  {
    id: 'path-mtu',
    title: 'Full-sized packets arrive',
    where: 'from a client’s network',
    probe: 'from a client: a transfer of more than one packet, or ping -M do -s 1472 VIP',
    why: 'Direct routing adds nothing to a packet. LVS-TUN adds 20 bytes (40 for IPv6): where the path carries no more than 1500, large requests are lost while small ones arrive.',
    fix: 'Raise the MTU between director and real server, or clamp the MSS on the real server.',
    source: 'net/netfilter/ipvs/ip_vs_xmit.c ip_vs_tunnel_xmit()',
  },
  {
    id: 'windows-real-server',
    title: 'A Windows real server holds the VIP silently',
    where: 'on that host: rsprep does not run there',
    probe: 'rsprep probe arp VIP, from another host of the segment',
    why: 'Since Windows 2008 the strong host model drops packets that arrive on one adapter for the address of another.',
    fix: 'VIP/32 on a loopback adapter; weakhostreceive on the NIC; weakhostreceive and weakhostsend on the loopback adapter. `rsprep render windows` prints the commands.',
    source: 'netsh interface ipv4',
  },
  {
    id: 'below-the-checks',
    title: 'Nothing drops or rewrites packets where no check looks',
    where:
      'on this host, but read by no check: nft chains of the families netdev and inet at ingress or egress, stateless rewriting (ip saddr set, arp saddr ip set), tc filters, XDP, IPsec policies (ip xfrm policy), rules of the routing policy by port or protocol',
    probe:
      'rsprep verify --probe, for what a configured service answers; rsprep probe service VIP:PORT --via RIP --from UNUSED/LENGTH, from a peer',
    why: 'They act before or after everything that verify reads: requests or replies vanish, or leave with another source, while every setting is right.',
    fix: 'nft list ruleset; tc filter show dev NIC ingress; bpftool net; ip xfrm policy; ip rule: remove what is in the way.',
    source: 'nft(8), tc(8), ip-xfrm(8), ip-rule(8)',
  },
  {
    id: 'other-namespaces',
    title: 'No container or virtual machine of this host holds the VIP',
    where: 'inside that container or machine; to the segment it is a host of its own (macvlan, ipvlan, a bridge port)',
    probe: 'rsprep probe arp VIP, from another host of the segment',
    why: 'It has ARP settings of its own, and answers for the VIP through the same cable.',
    fix: 'Take the VIP off it, or prepare it as a real server of its own.',
    source: 'network_namespaces(7), ip-link(8) macvlan',
  },
];
