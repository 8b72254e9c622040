import { linkNamed } from '../model/addresses.ts';
import type { Check, CheckContext } from '../model/check.ts';
import type { DesiredVip } from '../model/desired.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { lacksPrivilege } from '../model/reading.ts';
import type { ProbeResult, ServiceSocket } from '../model/surroundings.ts';
import { answersFor, describeSocket, isWildcard } from '../network/service-sockets.ts';
import { linksOf } from '../network/ways.ts';
import { concerns, eachService, missingVip } from './each-service.ts';

export const serviceSource: Check = {
  id: 'service-source',
  title: 'UDP services answer from the VIP',
  severity: 'high',
  countsForApply: false,
  looksAt:
    'For each UDP service that a wildcard socket serves: whether the socket asks for the address a datagram was sent to (IP_PKTINFO, IPV6_RECVPKTINFO or IP_RECVORIGDSTADDR), read from the socket itself with pidfd_getfd(2). Not reported if the configured probe gets its answer from the VIP.',
  why: 'A socket on 0.0.0.0 that does not know where a request was sent answers from the host’s own address, and the client drops the reply.',
  fix: 'Bind the service to the VIP, or switch on what its manual calls interface-automatic, pktinfo or udp source address. A `probe:` in the configuration shows for certain which address it answers from.',
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
            forLackOfPrivilege: lacksPrivilege(asks),
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
    why: 'It answers from this host’s own address, and clients drop replies from an address that they did not ask.',
    fix: `bind the service to ${vip.address} as well, or switch on its PKTINFO option; a probe: in the configuration shows whether it answers from the VIP`,
    demand: { kind: 'vip', ip: vip.address },
    vips: [vip.address],
    rootedIn: missingVip(context, vip),
  });

export const serviceProbe: Check = {
  id: 'service-probe',
  title: 'Each service that has a probe answers it',
  severity: 'high',
  silences: true,
  countsForApply: false,
  looksAt:
    'For each service with a `probe:`: rsprep sends the request from a socket bound to the RIP and waits 300 ms for the reply. It must begin with the expected bytes and, for UDP, come from the VIP and port that were asked.',
  why: 'A listening socket proves little: the process behind it may hang, or answer from the wrong address.',
  fix: 'Restart the service and look at its log; correct the probe if the service has changed its answers.',
  source: 'udp(7), tcp(7); asked from the RIP, because the kernel would otherwise use the VIP as the source too',
  probe: 'rsprep probe service VIP:PORT --via RIP --from UNUSED/LENGTH, from a peer, which also crosses the firewall',
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
            wouldHelp: '`rsprep probe service` from a peer, in place of a `probe:` for a service inside a VRF',
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
              : 'Something listens, but does not answer: the clients that the director sends here get nothing.',
          fix: 'restart the service and look at its log',
          vouch: 'silence',
          ...concerns(asked),
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
