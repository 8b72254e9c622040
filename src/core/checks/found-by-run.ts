import type { Severity } from '../model/finding.ts';

/** A finding that no check makes: it comes from a probe, or from a run that could not look at all. It has a page all the same. */
export interface ByRun {
  /** Kebab-case, beside the ids of checks. */
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  /** Which command finds it, and how. */
  readonly foundBy: string;
  readonly why: string;
  readonly fix: string;
  readonly source: string;
  /** A probe: somebody asked for it by name, so that lack of privilege is no excuse for not knowing. */
  readonly askedFor?: true;
}

export const BY_RUN: readonly ByRun[] = [
  {
    id: 'probe-arp',
    askedFor: true,
    severity: 'critical',
    title: 'No interface answers ARP for the VIP or sends ARP with it',
    foundBy:
      'rsprep probe self and verify --probe, which put the question into each interface as if it came from its wire (the control: the RIP answers the same question); rsprep probe watch, which listens to what leaves',
    why: 'A host that answers for the VIP gets the traffic of the whole farm, not only its share.',
    fix: 'rsprep verify names the setting; rsprep apply fixes it.',
    source: 'net/ipv4/arp.c arp_process(); docs/probes.md',
  },
  {
    id: 'probe-ndp',
    askedFor: true,
    severity: 'critical',
    title: 'No interface answers a neighbour solicitation for an IPv6 VIP',
    foundBy:
      'rsprep probe self and verify --probe: a solicitation put into each interface (the control: its own address answers)',
    why: 'As with ARP: the neighbours believe this host to be the owner of the VIP.',
    fix: 'Take the VIP off the NIC (rsprep apply --take-from-nic), and switch proxy_ndp off.',
    source: 'net/ipv6/ndisc.c ndisc_recv_ns(); docs/probes.md',
  },
  {
    id: 'probe-udp-source',
    askedFor: true,
    severity: 'high',
    title: 'A UDP service answers from the address that was asked',
    foundBy:
      'rsprep probe self and verify --probe: the configured request, sent to the VIP from a socket bound to the RIP',
    why: 'A client drops a reply that comes from another address than it asked.',
    fix: 'Bind the service to the VIP, or let it use IP_PKTINFO for its replies.',
    source: 'ip(7), IP_PKTINFO; docs/probes.md',
  },
  {
    id: 'probe-service',
    askedFor: true,
    severity: 'high',
    title: 'A service answers at the VIP',
    foundBy:
      'rsprep probe self and verify --probe, from a temporary namespace of this host; rsprep probe service, from a peer, end to end to one real server',
    why: 'The director sends this host its share of requests, whether they are answered or not.',
    fix: 'Start the service, on the VIP or on the wildcard address; look at firewalls and at the way back.',
    source: 'docs/probes.md',
  },
  {
    id: 'probe-claim',
    askedFor: true,
    severity: 'critical',
    title: 'Nobody but the director claims the VIP on the segment',
    foundBy: 'rsprep probe arp VIP, from another host of the segment',
    why: 'Another host that answers gets the traffic of the whole farm.',
    fix: 'Find the host with that MAC address and run rsprep apply on it.',
    source: 'RFC 826, RFC 4861; docs/probes.md',
  },
  {
    id: 'probe-traffic',
    askedFor: true,
    severity: 'high',
    title: 'What arrives for the VIP comes from a director',
    foundBy: 'rsprep probe watch, on the real server: the source MAC address of each packet for the VIP',
    why: 'Packets that come from a router or a client mean that a neighbour believes this host to be the owner of the VIP.',
    fix: 'rsprep verify and rsprep probe arp VIP; then one `arping -U -c1 -I IF VIP` on the director corrects the neighbours’ caches.',
    source: 'net/ipv4/arp.c arp_process(); docs/probes.md',
  },
  {
    id: 'run-failed',
    severity: 'high',
    title: 'A run could look at this host',
    foundBy:
      'rsprep report, which records a run that failed before it could look at the host, for example because the configuration cannot be read',
    why: 'While it lasts nobody knows whether this host is as wanted.',
    fix: 'Run rsprep verify: it says what failed and what to do.',
    source: 'docs/monitoring.md',
  },
];
