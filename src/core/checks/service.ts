import type { Check } from '../model/check.ts';
import type { DesiredVip } from '../model/desired.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { isIpv6 } from '../model/names.ts';
import { lacksPrivilege } from '../model/reading.ts';
import type { ServiceSocket } from '../model/surroundings.ts';
import { answersFor, describeNear, describeSocket, isWildcard } from '../network/service-sockets.ts';
import { concerns, eachService, missingVip } from './each-service.ts';

export const serviceMissing: Check = {
  id: 'service-missing',
  title: 'Something listens on each configured service',
  severity: 'high',
  silences: true,
  countsForApply: false,
  looksAt:
    'For each entry of `services:`, TCP listeners and unconnected UDP sockets in /proc/net: on the VIP, on 0.0.0.0, or on [::] (for IPv4 too, unless IPV6_V6ONLY is set). A socket bound to the RIP, to the device lo or to another device than the one towards the director does not receive packets for the VIP; in a VRF only a socket bound to the VRF does, unless tcp_l3mdev_accept or udp_l3mdev_accept is 1. If nothing is found, rsprep also looks into other network namespaces. Not reported if a firewall translates the address (containers), or if the probe gets its answer.',
  why: 'The director sends this real server its share of that service, and the clients are refused.',
  fix: 'Start the service, or bind it to the VIP or to every address. It has to use the port of the virtual service: direct routing cannot translate ports. A service that binds to the VIP and starts before the VIP is there needs ip_nonlocal_bind=1.',
  source:
    'proc(5) /proc/net/tcp; net/ipv4/inet_hashtables.c compute_score(); measured: `%lo` sockets never see the wire',
  probe: 'rsprep probe service VIP:PORT --via RIP --from UNUSED/LENGTH, from a peer',
  early: false,
  run: (context) => {
    const { services } = context.observed;
    if (services?.sockets.kind === 'unreadable') {
      const { sockets } = services;
      const told = { reason: sockets.reason, forLackOfPrivilege: lacksPrivilege(sockets) };
      return [unknown({ subject: null, severity: 'high', wouldHelp: 'readable /proc/net', ...told })];
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
          vouch: 'silence',
          ...concerns({ vip, service }),
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

export const serviceVipOnly: Check = {
  id: 'service-vip-only',
  title: 'The director’s health check can reach the service',
  severity: 'advice',
  countsForApply: false,
  looksAt: 'Each service whose sockets are bound to the VIP alone, where a director is configured.',
  why: 'Clients are served, but a health check that asks RIP:PORT is refused, and the director takes this host out of rotation.',
  fix: 'Let the director ask rsprep’s responder (`rsprep render keepalived` writes that), bind the service to the RIP as well, or ignore this.',
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
