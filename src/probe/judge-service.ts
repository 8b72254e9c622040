import type { Ip } from '../core/model/names.ts';
import { type ProbeId, type ProbeResult, voided } from './result.ts';

export interface ServiceAsked {
  readonly probe: ProbeId;
  readonly vip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** From where, for people: `from a neighbour on a link of its own`. */
  readonly where: string;
  readonly outcome:
    | { readonly kind: 'answer'; readonly from: Ip; readonly hex: string }
    | { readonly kind: 'connected' | 'refused' | 'silence' | 'not-local' }
    | { readonly kind: 'error'; readonly reason: string };
  /** How the answer must begin, hex digits; empty for any. */
  readonly expect: string;
  /** Whether the question is one that the service must answer. */
  readonly mustAnswer: boolean;
  /** What showed that an answer could have come. */
  readonly control: { readonly worked: boolean; readonly detail: string };
}

/** An answer judges itself; silence is judged only where the control shows that an answer could have come. */
export function judgeService(asked: ServiceAsked): ProbeResult {
  const { probe, vip, protocol, port, where, outcome, control } = asked;
  const subject = `${vip}/${protocol}/${port}`;
  const wanted = `an answer from ${vip} port ${port}, ${where}`;
  const wrong = (seen: string, why: string, next: string): ProbeResult => ({
    ...{ probe, subject, outcome: 'wrong', severity: 'high', wanted, seen, why, next },
    vips: [vip],
  });
  const dead = 'The director still sends this host its share of the clients, and they get no answer.';
  switch (outcome.kind) {
    case 'connected':
      return { probe, subject, outcome: 'good', seen: `accepted a connection, ${where}`, control: 'it was accepted' };
    case 'answer':
      if (outcome.from !== vip)
        return wrong(
          `an answer from ${outcome.from}`,
          'Clients drop an answer that does not come from the address they asked.',
          `bind the service to ${vip}, or let it answer from the address it was asked at (IP_PKTINFO)`,
        );
      if (!outcome.hex.startsWith(asked.expect))
        return wrong(
          `an answer from ${vip} that begins ${outcome.hex.slice(0, 40)} instead of ${asked.expect}`,
          'Something answers on this port, but not as the service should.',
          'see what listens there: ss -lpn',
        );
      return { probe, subject, outcome: 'good', seen: `answered from ${vip}, ${where}`, control: 'it answered' };
    case 'refused':
      return wrong(`refused: nothing listens on ${protocol} port ${port} of ${vip}`, dead, 'start the service there');
    case 'not-local':
      return wrong(`this host does not have ${vip}`, dead, 'rsprep apply');
    case 'error':
      return voided(probe, subject, { message: `it could not be asked: ${outcome.reason}`, next: 'fix that first' });
    case 'silence':
      if (!control.worked)
        return voided(probe, subject, {
          message: `no answer, but the control failed too: ${control.detail}`,
          next: 'see whether a firewall or the routing of answers from the VIP stops both',
        });
      if (!asked.mustAnswer)
        return voided(probe, subject, {
          message: `no answer, but rsprep does not know what this service should answer (${control.detail})`,
          next: 'give a request it answers: --send HEX, or `probe:` in the configuration',
        });
      return wrong(`no answer (${control.detail})`, dead, 'see whether the service hangs, or a firewall drops the VIP');
  }
}
