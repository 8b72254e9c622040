import { fateOf } from '../firewall/firewall.ts';
import { firstPacket } from '../firewall/nft-match.ts';
import { inPlace, linkNamed } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import type { DesiredVip, Service } from '../model/desired.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { isIpv6 } from '../model/names.ts';
import type { ProbeResult, ServiceSocket, Services } from '../model/surroundings.ts';
import { entranceOf } from '../network/entrance.ts';
import { answersFor, describeNear, describeSocket, type Entrance, isWildcard } from '../network/service-sockets.ts';
import { linksOf } from '../network/ways.ts';

interface Asked {
  readonly vip: DesiredVip;
  readonly service: Service;
  /** `10.0.0.100/udp/53`. */
  readonly subject: string;
  readonly sockets: readonly ServiceSocket[];
  readonly entrance: Entrance;
  readonly services: Services;
  readonly probe: ProbeResult['outcome'] | null;
}

/** Each configured service whose sockets could be looked at, unless a firewall hands its packets to somebody else. */
function eachService(context: CheckContext, judge: (asked: Asked) => readonly Verdict[]): readonly Verdict[] {
  const { services, firewall } = context.observed;
  if (services === null || services.sockets.kind !== 'value') return [];
  const sockets = services.sockets.value;
  return context.desired.vips.flatMap((vip) =>
    vip.services.flatMap((service) => {
      const { protocol, port } = service;
      if (fateOf(firewall, firstPacket(vip.address, protocol, port)).kind === 'translated') return [];
      const probe = services.probes.find((p) => p.vip === vip.address && p.protocol === protocol && p.port === port);
      const subject = `${vip.address}/${protocol}/${port}`;
      const entrance = entranceOf(context, vip, protocol);
      return judge({ vip, service, subject, sockets, entrance, services, probe: probe?.outcome ?? null });
    }),
  );
}

const missingVip = (context: CheckContext, vip: DesiredVip): string | null =>
  inPlace(linksOf(context), vip) ? null : `vip-missing@${vip.address}`;

export const serviceMissing: Check = {
  id: 'service-missing',
  title: 'Something listens on each configured service',
  severity: 'high',
  looksAt:
    'For each entry of `services:`, TCP listeners and unconnected UDP sockets in /proc/net: on the VIP, on 0.0.0.0, or on [::] (for IPv4 too, unless IPV6_V6ONLY is set). A socket bound to the RIP, to the device lo or to another device than the director’s does not get what comes for the VIP; in a VRF only one bound to it does, unless tcp_l3mdev_accept or udp_l3mdev_accept is 1. Where nothing is found, other network namespaces are looked at. Not asked where a firewall translates the address (containers), or where the probe gets its answer.',
  why: 'The director sends this real server its share of that service, and the clients are refused.',
  fix: 'Start the service, or bind it to the VIP or to every address. It has to use the port of the virtual service: direct routing cannot translate ports. One that is started before the VIP is there needs ip_nonlocal_bind=1.',
  source:
    'proc(5) /proc/net/tcp; net/ipv4/inet_hashtables.c compute_score(); measured: `%lo` sockets never see the wire',
  probe: 'rsprep probe service VIP:PORT --via RIP, from a peer',
  early: false,
  run: (context) => {
    const { services } = context.observed;
    if (services?.sockets.kind === 'unreadable') {
      const { reason, forLackOfPrivilege } = services.sockets;
      return [
        unknown({ subject: null, severity: 'high', reason, wouldHelp: 'readable /proc/net', forLackOfPrivilege }),
      ];
    }
    return eachService(context, ({ vip, service, subject, sockets, entrance, services: all, probe }) => {
      if (probe?.kind === 'as-expected') return [];
      const listens = answersFor(sockets, vip.address, service, entrance);
      if (listens) return cannotTell(vip, subject, listens);
      const near = sockets.filter((s) => s.protocol === service.protocol && s.port === service.port);
      const other = all.elsewhere.filter((s) => s.protocol === service.protocol && s.port === service.port);
      return [
        wrong({
          subject,
          severity: 'high',
          wanted: `a ${service.protocol.toUpperCase()} socket on ${hostPort(vip.address, service.port)}, or on every address`,
          seen: describeNear(near, other, entrance),
          why: 'The director sends this host its share of the clients, and they are refused or time out.',
          fix:
            near.length > 0
              ? 'bind the service to the VIP, or to every address'
              : other.length > 0
                ? 'give the VIP to the namespace of the service, or publish its port here'
                : `start the service; it must use port ${service.port}, because direct routing cannot translate ports`,
          demand: { kind: 'vip', ip: vip.address },
          vouch: 'silence',
          vips: [vip.address],
          rootedIn: missingVip(context, vip),
        }),
      ];
    });
  },
};

/** IPV6_V6ONLY is seen only by who may look at the socket: without, [::] may or may not serve an IPv4 VIP. */
const cannotTell = (vip: DesiredVip, subject: string, listens: readonly ServiceSocket[]): readonly Verdict[] =>
  isIpv6(vip.address) || listens.some(({ address, only6 }) => address !== '::' || only6 !== null)
    ? []
    : [
        unknown({
          subject,
          severity: 'advice',
          reason: `cannot tell whether ${listens.map(describeSocket).join('; ')} serves IPv4 as well (IPV6_V6ONLY)`,
          wouldHelp: 'root (CAP_SYS_PTRACE), Linux 5.6; or a `probe:` for the service',
          forLackOfPrivilege: true,
        }),
      ];

const hostPort = (ip: DesiredVip['address'], port: number): string =>
  isIpv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;

export const serviceSource: Check = {
  id: 'service-source',
  title: 'UDP services answer from the VIP',
  severity: 'high',
  looksAt:
    'For each UDP service that a wildcard socket serves: whether the socket asks for the address a datagram was sent to (IP_PKTINFO, IPV6_RECVPKTINFO or IP_RECVORIGDSTADDR), read from the socket itself with pidfd_getfd(2). Not doubted where the configured probe gets its answer from the VIP.',
  why: 'A socket on 0.0.0.0 that does not know where a request was sent answers from the host’s own address, and the client drops the reply.',
  fix: 'Bind the service to the VIP, or switch on what its manual calls interface-automatic, pktinfo or udp source address. A `probe:` in the configuration settles doubts.',
  source:
    'ip(7) IP_PKTINFO, ipv6(7) IPV6_RECVPKTINFO, pidfd_getfd(2); measured: 0.0.0.0 and [::] without it answer from the RIP',
  probe: 'a `probe:` for the service; rsprep probe self',
  early: false,
  run: (context) =>
    eachService(context, ({ vip, service, subject, sockets, entrance, probe }) => {
      if (service.protocol !== 'udp' || probe?.kind === 'as-expected') return [];
      const wild = (answersFor(sockets, vip.address, service, entrance) ?? []).filter(isWildcard);
      const blind = wild.filter(({ asksDestination: asks }) => asks.kind === 'value' && !asks.value);
      if (blind.length > 0) return [answersFromRip(context, vip, subject, blind)];
      return wild.slice(0, 1).flatMap((socket): readonly Verdict[] => {
        const { asksDestination: asks } = socket;
        if (asks.kind !== 'unreadable') return [];
        return [
          unknown({
            subject,
            severity: 'advice',
            reason: `cannot tell whether ${describeSocket(socket)} answers from the VIP: ${asks.reason}`,
            wouldHelp: 'root (CAP_SYS_PTRACE), Linux 5.6; or a `probe:` for the service',
            forLackOfPrivilege: asks.forLackOfPrivilege,
          }),
        ];
      });
    }),
};

const answersFromRip = (
  context: CheckContext,
  vip: DesiredVip,
  subject: string,
  blind: readonly ServiceSocket[],
): Verdict =>
  wrong({
    subject,
    severity: 'high',
    wanted: `a socket bound to ${vip.address}, or one with IP_PKTINFO`,
    seen: `${blind.map(describeSocket).join('; ')}, without IP_PKTINFO`,
    why: 'It answers from this host’s own address, and the clients drop replies that come from somebody they did not ask.',
    fix: `bind the service to ${vip.address} as well, or switch on its PKTINFO option; a probe: in the configuration shows whether it answers right`,
    demand: { kind: 'vip', ip: vip.address },
    vips: [vip.address],
    rootedIn: missingVip(context, vip),
  });

export const serviceProbe: Check = {
  id: 'service-probe',
  title: 'Each service that has a probe answers it',
  severity: 'high',
  looksAt:
    'For each service with a `probe:`, the reply to its request, sent from a socket bound to the RIP and given 300 ms: it must begin with the bytes expected and, for UDP, come from the VIP and port asked.',
  why: 'A socket is not an answer: the process behind it may hang, or answer from the wrong address.',
  fix: 'Restart the service and look at its log; correct the probe if the service has changed its answers.',
  source: 'udp(7), tcp(7); asked from the RIP, because the kernel would take the VIP for the source as well',
  probe: 'rsprep probe service VIP:PORT --via RIP, from a peer, which also crosses the firewall',
  early: false,
  run: (context) =>
    eachService(context, (asked) => {
      const { vip, service, subject, sockets, entrance, probe } = asked;
      if (probe === null || probe.kind === 'as-expected') return [];
      if (probe.kind === 'not-asked') {
        return [
          unknown({
            subject,
            severity: 'advice',
            reason: probe.reason,
            wouldHelp: '`rip:` in the configuration',
            forLackOfPrivilege: false,
          }),
        ];
      }
      const own = linkNamed(linksOf(context), vip.device);
      if (probe.kind === 'no-answer' && own?.kind === 'vrf') {
        return [
          unknown({
            subject,
            severity: 'advice',
            reason: `asked from outside the VRF ${own.name}: ${probe.reason}`,
            wouldHelp: 'no `probe:` for a service inside a VRF; rsprep probe service, from a peer, asks it',
            forLackOfPrivilege: false,
          }),
        ];
      }
      const listens = answersFor(sockets, vip.address, service, entrance);
      const source = probe.kind === 'wrong-source' && listens?.some(isWildcard);
      return [
        wrong({
          subject,
          severity: 'high',
          wanted: 'the answer of the configured probe',
          seen: seenOf(probe),
          why:
            probe.kind === 'wrong-source'
              ? 'Clients drop replies that come from an address they did not ask.'
              : 'Something listens, but it does not answer: this host’s share of the clients waits in vain.',
          fix: 'restart the service and look at its log',
          demand: { kind: 'vip', ip: vip.address },
          vouch: 'silence',
          vips: [vip.address],
          rootedIn:
            missingVip(context, vip) ??
            (listens ? (source ? `service-source@${subject}` : null) : `service-missing@${subject}`),
        }),
      ];
    }),
};

function seenOf(outcome: Exclude<ProbeResult['outcome'], { kind: 'as-expected' | 'not-asked' }>): string {
  if (outcome.kind === 'no-answer') return outcome.reason;
  return outcome.kind === 'wrong-source' ? `the reply came from ${outcome.source}` : `it answered ${outcome.received}`;
}

export const serviceVipOnly: Check = {
  id: 'service-vip-only',
  title: 'The director’s health check can reach the service',
  severity: 'advice',
  looksAt: 'Each service whose sockets are bound to the VIP alone, where a director is configured.',
  why: 'Clients are served, but a health check that asks RIP:PORT is refused, and the director takes this host out of rotation.',
  fix: 'Let the director check through rsprep’s responder (rsprep render keepalived does), bind the service to the RIP as well, or ignore this.',
  source: 'keepalived.conf(5) real_server: a check connects to the real server’s own address',
  early: false,
  run: (context) =>
    context.desired.directors.length === 0
      ? []
      : eachService(context, ({ vip, service, subject, sockets, entrance }) => {
          const listens = answersFor(sockets, vip.address, service, entrance) ?? [];
          const other = sockets.some(
            (s) => s.protocol === service.protocol && s.port === service.port && s.address !== vip.address,
          );
          if (listens.length === 0 || listens.some(isWildcard) || other) return [];
          return [
            wrong({
              subject,
              severity: 'advice',
              wanted: 'a health check that does not ask RIP:PORT, or a socket on the RIP too',
              seen: `${listens.map(describeSocket).join('; ')} and nothing on this host’s own address`,
              why: 'A director that checks RIP:PORT finds it closed and sends this host no clients.',
              fix: 'check through the responder: rsprep render keepalived',
              demand: { kind: 'vip', ip: vip.address },
              vips: [vip.address],
            }),
          ];
        }),
};
