import type { Desired } from '../../core/model/desired.ts';
import { type Ip, isIpv6 } from '../../core/model/names.ts';
import { arpRequest, parseArp } from '../../probe/arp.ts';
import { FRAME_KIND, neighbourFilter } from '../../probe/filter.ts';
import { type InterfacePlan, planInterfaces } from '../../probe/interfaces.ts';
import { judgeSelf, type SelfHeard } from '../../probe/judge-self.ts';
import { inventedMac } from '../../probe/mac.ts';
import { linkLocalOf, parseAdvertisement, solicitation } from '../../probe/ndp.ts';
import { failed, ok, type ProbeFailure, type ProbeResult, type Tried, voided } from '../../probe/result.ts';
import type { Bench, Injector, Probing, Tap } from '../ports/probe.ts';
import { probeServicesFromNamespace, probeServicesFromRip } from './self-services.ts';

type Probed = Extract<InterfacePlan, { kind: 'probe' }>;

/** A question is repeated so often until the control has answered. */
const ROUNDS = 5;
const CONTROL_MS = 200;
/** After the control, which was asked last: for answers that another processor is still about to send. */
const GRACE_MS = 40;
/** The kernel queues at most net.core.netdev_max_backlog frames, 1000, for one processor. */
const AT_ONCE = 150;

/**
 * Puts questions into each interface as if they came from its wire, and watches what it sends: no host can ask itself with a
 * packet socket, because what it sends does not come back to it.
 */
export async function probeSelf(host: Probing, desired: Desired): Promise<Tried<readonly ProbeResult[]>> {
  const interfaces = host.interfaces();
  if (interfaces.kind !== 'value') return failed(cannotList(interfaces));
  const bench = host.bench();
  if (bench.kind === 'failed') return bench;
  const vips = desired.vips.map(({ address }) => address);
  const results: ProbeResult[] = [];
  const held = new Set(interfaces.value.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
  try {
    for (const plan of planInterfaces(interfaces.value, vips)) {
      results.push(
        ...(plan.kind === 'skip' ? skipped(plan, vips) : await probeInterface(host, bench.value, plan, vips, held)),
      );
      await host.breathe();
    }
    results.push(...probeServicesFromRip(host, desired));
    results.push(...(await probeServicesFromNamespace(bench.value, desired)));
  } finally {
    bench.value.close();
  }
  return ok(results);
}

const cannotList = (reading: { readonly kind: string; readonly reason?: string }): ProbeFailure => ({
  kind: 'failed',
  message: `the interfaces cannot be listed: ${reading.reason ?? 'nothing was listed'}`,
  next: 'see what `ip -j -d address show` prints',
});

const skipped = (plan: Extract<InterfacePlan, { kind: 'skip' }>, vips: readonly Ip[]): readonly ProbeResult[] =>
  vips.length === 0 ? [] : [{ probe: 'probe-arp', subject: plan.name, outcome: 'skipped', reason: plan.reason }];

async function probeInterface(
  host: Probing,
  bench: Bench,
  plan: Probed,
  vips: readonly Ip[],
  held: ReadonlySet<Ip>,
): Promise<readonly ProbeResult[]> {
  const { nic } = plan;
  const tap = host.tap(nic.index, neighbourFilter());
  if (tap.kind === 'failed') return [voided('probe-arp', nic.name, tap.failure)];
  const injector = await bench.injectInto(nic.name);
  if (injector.kind === 'failed') {
    tap.value.close();
    return [voided('probe-arp', nic.name, injector.failure)];
  }
  try {
    const mac = inventedMac(host.random(6));
    const heard = exchange(host, tap.value, injector.value, plan, vips, mac);
    if (heard.solicited) await bench.forget(nic.name, linkLocalOf(mac));
    return judgeSelf(plan, vips, heard, held);
  } finally {
    tap.value.close();
    await injector.value.close();
  }
}

function exchange(
  host: Probing,
  tap: Tap,
  injector: Injector,
  { control4, control6 }: Probed,
  vips: readonly Ip[],
  mac: string,
): SelfHeard & { readonly solicited: boolean } {
  const arp = new Set<Ip>();
  const ndp = new Set<Ip>();
  let arrived = false;
  const from6 = linkLocalOf(mac);
  const question = (ip: Ip): readonly Uint8Array[] =>
    isIpv6(ip)
      ? // Unicast MAC around the group's address (RFC 6085): a proxy then answers at once instead of after proxy_delay.
        (['group', 'target'] as const).map((to) =>
          solicitation({ mac, from: from6, target: ip, toMac: injector.mac, to }),
        )
      : [arpRequest({ mac, ip: '0.0.0.0' }, ip)];
  const listen = (timeoutMs: number): void => {
    for (const { bytes, kind } of tap.next(timeoutMs)) {
      const message = parseArp(bytes);
      if (kind === FRAME_KIND.outgoing) {
        if (message?.operation === 'reply' && message.targetMac === mac) arp.add(message.senderIp);
        const advertisement = parseAdvertisement(bytes);
        if (advertisement?.destinationMac === mac) ndp.add(advertisement.target);
      } else if (message?.senderMac === mac) arrived = true;
    }
  };
  const needs6 = vips.some(isIpv6) || control4 === null;
  const controls = [control4, needs6 ? control6 : null].filter((ip) => ip !== null);
  const lost = new Set<Ip>();
  const answered = (): boolean => controls.every((ip) => (isIpv6(ip) ? ndp : arp).has(ip));
  for (let first = 0; first < vips.length; first += AT_ONCE) {
    const part = vips.slice(first, first + AT_ONCE);
    for (const ip of controls) (isIpv6(ip) ? ndp : arp).delete(ip);
    for (let round = 0; round < ROUNDS && (round === 0 || !answered()); round += 1) {
      for (const ip of [...part, ...controls]) for (const frame of question(ip)) injector.send(frame);
      const untilMs = host.monotonicMs() + CONTROL_MS;
      while (!answered() && host.monotonicMs() < untilMs) listen(Math.max(1, untilMs - host.monotonicMs()));
      if (controls.length === 0) listen(CONTROL_MS);
    }
    const untilMs = host.monotonicMs() + GRACE_MS;
    while (host.monotonicMs() < untilMs) listen(Math.max(1, untilMs - host.monotonicMs()));
    for (const ip of controls) if (!(isIpv6(ip) ? ndp : arp).has(ip)) lost.add(ip);
  }
  for (const ip of lost) (isIpv6(ip) ? ndp : arp).delete(ip);
  return { arp, ndp, arrived, solicited: needs6 };
}
