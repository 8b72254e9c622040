import type { Desired, Service } from '../../core/model/desired.ts';
import { assertNever, type Ip } from '../../core/model/names.ts';
import type { ProbeResult as RipAnswer } from '../../core/model/surroundings.ts';
import { judgeService } from '../../probe/judge-service.ts';
import { questionFor } from '../../probe/questions.ts';
import { type ProbeResult, voided } from '../../probe/result.ts';
import type { Asked, Bench, Control, Neighbour, Probing } from '../ports/probe.ts';

const ASK_MS = 300;
const CONTROL_MS = 300;
const TRIES = 3;

/**
 * Asks each UDP service from a socket bound to this host's own address: an unbound one would be given the VIP for its source,
 * and an answer from the wrong address would look right.
 */
export function probeServicesFromRip(host: Probing, desired: Desired): readonly ProbeResult[] {
  const asked = desired.vips.map((vip) => ({
    ...vip,
    services: vip.services.flatMap((service) => {
      const probe = service.protocol === 'udp' ? questionFor(service) : null;
      return probe === null ? [] : [{ ...service, probe }];
    }),
  }));
  const unknown = desired.vips.flatMap(({ address, services }) =>
    services.flatMap((service): readonly ProbeResult[] =>
      service.protocol === 'udp' && questionFor(service) === null
        ? [{ probe: 'probe-udp-source', subject: subject(address, service), outcome: 'skipped', reason: NO_QUESTION }]
        : [],
    ),
  );
  if (asked.every(({ services }) => services.length === 0)) return unknown;
  const answers = host.servicesFromRip({ ...desired, vips: asked });
  return [...unknown, ...answers.map(judgeFromRip)];
}

function judgeFromRip({ vip, protocol, port, outcome }: RipAnswer): ProbeResult {
  const id = `${vip}/${protocol}/${port}`;
  const base = { probe: 'probe-udp-source', subject: id, outcome: 'wrong', severity: 'high', vips: [vip] } as const;
  switch (outcome.kind) {
    case 'as-expected':
      return {
        ...base,
        outcome: 'good',
        seen: `answered from ${vip} when asked from the RIP`,
        control: 'it answered',
      };
    case 'wrong-source':
      return {
        ...base,
        wanted: `an answer from ${vip} port ${port}`,
        seen: `an answer from ${outcome.source}`,
        why: 'Clients drop an answer that does not come from the address they asked.',
        next: `bind the service to ${vip}, or let it answer from the address it was asked at (IP_PKTINFO)`,
      };
    case 'wrong-answer':
      return {
        ...base,
        wanted: 'the answer the configuration expects',
        seen: `an answer that begins ${outcome.received}`,
        why: 'Something answers on this port, but not as the service should.',
        next: 'see what listens there: ss -lpn; or correct `probe:`',
      };
    case 'no-answer':
      // Loopback needs no control: what a local socket sends is delivered or refused, unless a firewall drops it.
      return voided('probe-udp-source', id, {
        message: `no answer when asked from the RIP (${outcome.reason}): which address it answers from is not known`,
        next: `see the result of \`probe-service@${id}\`, which asks the same service`,
      });
    case 'not-asked':
      return voided('probe-udp-source', id, { message: outcome.reason, next: 'set `rip:` in the configuration' });
    default:
      return assertNever(outcome);
  }
}

const NO_QUESTION = 'rsprep does not know what it answers; give it a `probe:` with `send` and `expect`';
const subject = (vip: Ip, { protocol, port }: Service): string => `${vip}/${protocol}/${port}`;

/** Asks each service from a neighbour on a link of its own, so that packets pass the firewall and come in like others. */
export async function probeServicesFromNamespace(bench: Bench, desired: Desired): Promise<readonly ProbeResult[]> {
  const wanted = desired.vips.flatMap(({ address, services }) =>
    services.flatMap((service) => {
      const question = questionFor(service);
      return service.protocol === 'tcp' || question !== null ? [{ vip: address, service, question }] : [];
    }),
  );
  if (wanted.length === 0) return [];
  const neighbour = await bench.neighbour([...new Set(wanted.map(({ vip }) => vip))]);
  if (neighbour.kind === 'failed')
    return wanted.map(({ vip, service }) => voided('probe-service', subject(vip, service), neighbour.failure));
  const controls = new Map<string, Control>();
  const controlOf = (vip: Ip, protocol: 'tcp' | 'udp'): Control => {
    const known = controls.get(`${vip} ${protocol}`);
    const control = known ?? neighbour.value.control(vip, protocol, CONTROL_MS);
    controls.set(`${vip} ${protocol}`, control);
    return control;
  };
  try {
    return wanted.map(({ vip, service, question }) => {
      const control = controlOf(vip, service.protocol);
      const send = Uint8Array.from(Buffer.from(question?.send ?? '', 'hex'));
      const asked: Asked | { readonly kind: 'not-local' } =
        control.kind === 'not-local' ? control : ask(neighbour.value, { ...service, ip: vip, send });
      return judgeService({
        ...{ probe: 'probe-service' as const, vip, where: 'asked by a neighbour on a link of its own' },
        protocol: service.protocol,
        port: service.port,
        expect: question?.expect ?? '',
        mustAnswer: true,
        outcome: toOutcome(asked),
        control: {
          worked: control.kind === 'worked',
          detail: control.kind === 'not-local' ? '' : control.detail,
        },
      });
    });
  } finally {
    await neighbour.value.close();
  }
}

/** Again where nothing came: a datagram may get lost on a busy host. */
export function ask(
  neighbour: Pick<Neighbour, 'ask'>,
  question: Parameters<Neighbour['ask']>[0],
  timeoutMs = ASK_MS,
): Asked {
  let asked: Asked = { kind: 'silence' };
  for (let round = 0; round < TRIES && asked.kind === 'silence'; round += 1) asked = neighbour.ask(question, timeoutMs);
  return asked;
}

export const toOutcome = (asked: Asked | { readonly kind: 'not-local' }) =>
  asked.kind === 'answer'
    ? { kind: 'answer' as const, from: asked.answer.from, hex: Buffer.from(asked.answer.bytes).toString('hex') }
    : asked;
