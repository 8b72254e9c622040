import type { Ip } from '../../core/model/names.ts';
import { judgeService } from '../../probe/judge-service.ts';
import type { Mac } from '../../probe/mac.ts';
import { failed, ok, type ProbeResult, type Tried, voided } from '../../probe/result.ts';
import type { Probing, Visitor } from '../ports/probe.ts';
import { ask, toOutcome } from './self-services.ts';

export interface ServiceOptions {
  readonly vip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** The real server: its MAC, or its own address, which is then asked for. */
  readonly via: { readonly mac: Mac } | { readonly rip: Ip };
  readonly device: string | null;
  /** An unused address of the network, for IPv4; IPv6 needs none. */
  readonly from: { readonly ip: Ip; readonly prefixLength: number } | null;
  readonly send: Uint8Array;
  readonly expect: string;
  readonly mustAnswer: boolean;
}

const RESOLVE_MS = 500;
const ASK_MS = 1000;
const ECHO_MS = 500;

/**
 * Sends to one real server what a director would: addressed to the VIP, with the real server's MAC. From a namespace of its own,
 * so that no table of this host ever says that the VIP is there.
 */
export async function probeService(host: Probing, options: ServiceOptions): Promise<Tried<readonly ProbeResult[]>> {
  const { via, vip } = options;
  const device =
    options.device ?? ('rip' in via ? host.routeTo(via.rip)?.device : undefined) ?? host.routeTo(vip)?.device ?? null;
  if (device === null || device === 'lo')
    return failed({ kind: 'failed', message: 'no interface leads there', next: 'name one: --interface NAME' });
  const bench = host.bench();
  if (bench.kind === 'failed') return bench;
  try {
    const visitor = await bench.value.visitor(device, options.from?.ip ?? null);
    if (visitor.kind === 'failed') return visitor;
    const result = await visit(visitor.value, options, device);
    await visitor.value.close();
    return ok([result]);
  } finally {
    bench.value.close();
  }
}

async function visit(visitor: Visitor, options: ServiceOptions, device: string): Promise<ProbeResult> {
  const { vip, protocol, port, via, from } = options;
  const subject = `${vip}/${protocol}/${port}`;
  const cannot = (message: string, next: string): ProbeResult => voided('probe-service', subject, { message, next });
  if (from !== null) {
    const [owner] = visitor.resolve(from.ip, null, RESOLVE_MS);
    if (owner !== undefined)
      return cannot(`${from.ip} is in use: ${owner} answers for it`, 'give an unused address: --from');
    const settled = await visitor.settle(from.ip, from.prefixLength);
    if (settled.kind === 'failed') return cannot(settled.failure.message, settled.failure.next);
  }
  const [resolved, ...more] = 'mac' in via ? [via.mac] : visitor.resolve(via.rip, from?.ip ?? null, RESOLVE_MS);
  const rip = 'rip' in via ? via.rip : null;
  if (resolved === undefined)
    return cannot(
      `the control failed: ${rip ?? ''} does not answer on ${device}`,
      'if it is this host itself, ask from another host',
    );
  if (more.length > 0)
    return cannot(`${rip ?? ''} has more than one MAC: ${[resolved, ...more].join(', ')}`, 'give --via MAC');
  const pinned = await visitor.pin(vip, resolved);
  if (pinned.kind === 'failed') return cannot(pinned.failure.message, pinned.failure.next);
  const asked = ask(visitor, { ip: vip, protocol, port, send: options.send }, ASK_MS);
  const echoed = asked.kind === 'silence' && visitor.echo(vip, ECHO_MS);
  return judgeService({
    ...{ probe: 'probe-service', vip, protocol, port, expect: options.expect, mustAnswer: options.mustAnswer },
    where: `asked at ${resolved} through ${device}`,
    outcome: toOutcome(asked),
    control: controlOf(vip, rip, echoed),
  });
}

/** Frames go there and come back: its own address was resolved, or the VIP answers an echo request. */
function controlOf(vip: Ip, rip: Ip | null, echoed: boolean): { readonly worked: boolean; readonly detail: string } {
  if (echoed) return { worked: true, detail: `${vip} answers echo requests there` };
  if (rip !== null) return { worked: true, detail: `${rip} answers there` };
  return { worked: false, detail: `${vip} does not answer an echo request there either` };
}
