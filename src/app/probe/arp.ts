import { type Ip, isIpv6 } from '../../core/model/names.ts';
import { arpRequest, parseArp } from '../../probe/arp.ts';
import { FRAME_KIND, neighbourFilter } from '../../probe/filter.ts';
import type { ProbeInterface } from '../../probe/interfaces.ts';
import { judgeClaims } from '../../probe/judge-claims.ts';
import type { Mac } from '../../probe/mac.ts';
import { parseAdvertisement, solicitation } from '../../probe/ndp.ts';
import { failed, ok, type ProbeResult, type Tried, voided } from '../../probe/result.ts';
import type { Probing, Tap } from '../ports/probe.ts';

export interface ArpOptions {
  readonly vips: readonly Ip[];
  /** Null: the interface on the way to the VIP, or to a director. */
  readonly device: string | null;
  /** Null: the directors', asked for now. Empty: nobody may claim it. */
  readonly expected: readonly Mac[] | null;
  readonly directors: readonly Ip[];
  /** Null: the directors, the default gateway. */
  readonly control: Ip | null;
  readonly waitMs: number;
}

const ROUNDS = 2;
/** A proxy advertises after up to proxy_delay, 0.8 s by default (neigh_proxy_process). */
const WAIT6_MS = 1200;

/** Asks the network who has the VIPs, as any neighbour does, and hears everyone who answers. */
export async function probeArp(host: Probing, options: ArpOptions): Promise<Tried<readonly ProbeResult[]>> {
  const listed = host.interfaces();
  if (listed.kind !== 'value')
    return failed({ kind: 'failed', message: 'the interfaces cannot be listed', next: 'see `ip -j -d address show`' });
  const results: ProbeResult[] = [];
  const byDevice = new Map<string, Ip[]>();
  for (const vip of options.vips) {
    const name = options.device ?? deviceFor(host, listed.value, vip, options);
    if (name !== null) byDevice.set(name, [...(byDevice.get(name) ?? []), vip]);
    else
      results.push(
        voided('probe-claim', vip, {
          message: 'this host has no route to the network of the VIP (it holds the VIP itself, or has no such route)',
          next: 'name the interface: --interface NAME',
        }),
      );
  }
  for (const [name, vips] of byDevice) {
    const nic = listed.value.find((candidate) => candidate.name === name);
    results.push(...(await probeDevice(host, name, nic ?? null, vips, options)));
  }
  return ok(results);
}

/** Of a director that holds the VIP itself, the interface that has it; else the way to it, to a director, to the control. */
function deviceFor(
  host: Probing,
  interfaces: readonly ProbeInterface[],
  vip: Ip,
  { directors, control }: ArpOptions,
): string | null {
  const holder = interfaces.find(({ loopback, addresses }) => !loopback && addresses.some(({ ip }) => ip === vip));
  if (holder !== undefined) return holder.name;
  for (const ip of [
    vip,
    ...(control === null ? [] : [control]),
    ...directors.filter((d) => isIpv6(d) === isIpv6(vip)),
    ...directors,
  ]) {
    const device = host.routeTo(ip)?.device;
    if (device !== undefined && device !== 'lo') return device;
  }
  return null;
}

async function probeDevice(
  host: Probing,
  name: string,
  nic: ProbeInterface | null,
  vips: readonly Ip[],
  options: ArpOptions,
): Promise<readonly ProbeResult[]> {
  const cannot = (message: string, next: string): readonly ProbeResult[] =>
    vips.map((vip) => voided('probe-claim', vip, { message, next }));
  if (nic === null || nic.mac === null)
    return cannot(`${name} is not an Ethernet interface of this host`, 'see: ip link');
  if (!nic.up || !nic.carrier) return cannot(`${name} is down or has no carrier`, `ip link set ${name} up`);
  const tap = host.tap(nic.index, neighbourFilter());
  if (tap.kind === 'failed') return vips.map((vip) => voided('probe-claim', vip, tap.failure));
  try {
    return await askAll(host, tap.value, { ...nic, mac: nic.mac }, vips, options);
  } finally {
    tap.value.close();
  }
}

async function askAll(
  host: Probing,
  tap: Tap,
  nic: ProbeInterface & { readonly mac: Mac },
  vips: readonly Ip[],
  options: ArpOptions,
): Promise<readonly ProbeResult[]> {
  const own = nic.addresses.map(({ ip }) => ip);
  const elsewhere = (ip: Ip): boolean => !own.includes(ip);
  const gateway = host.routeTo('192.0.2.1' as Ip)?.gateway ?? null;
  const controls = (options.control === null ? [...options.directors, gateway] : [options.control])
    .filter((ip) => ip !== null)
    .filter((ip) => elsewhere(ip) && !vips.includes(ip));
  const heard = new Map<Ip, Set<Mac>>();
  const sources = {
    four: own.find((ip) => !isIpv6(ip) && !vips.includes(ip)) ?? null,
    six: nic.addresses.find(({ ip, scope }) => isIpv6(ip) && scope === 'link')?.ip ?? null,
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const ip of [...vips, ...controls]) {
      const from = isIpv6(ip) ? sources.six : sources.four;
      if (from === null) continue;
      const group = { mac: nic.mac, from, target: ip, toMac: null, to: 'group' } as const;
      tap.send(isIpv6(ip) ? solicitation(group) : arpRequest({ mac: nic.mac, ip: from }, ip));
    }
    const waitMs = vips.some(isIpv6) ? Math.max(options.waitMs, WAIT6_MS) : options.waitMs;
    const untilMs = host.monotonicMs() + waitMs / ROUNDS;
    for (let leftMs = waitMs; leftMs > 0; leftMs = untilMs - host.monotonicMs()) {
      collect(heard, tap.next(Math.min(leftMs, 100)));
      await host.breathe();
    }
  }
  const expected = options.expected ?? expectedOf(options.directors, heard, own, nic.mac);
  return vips.map((vip) => {
    if ((isIpv6(vip) ? sources.six : sources.four) === null)
      return voided('probe-claim', vip, {
        message: `this host has no address of its own on ${nic.name} to ask from`,
        next: 'ask from a host that has one: other senders may be ignored, which would hide a leak',
      });
    const answered = controls.find((ip) => heard.has(ip));
    const control = answered ?? controls[0] ?? null;
    return judgeClaims({
      ...{ vip, device: nic.name, macs: [...(heard.get(vip) ?? [])], own: elsewhere(vip) ? null : nic.mac, expected },
      expectedByHand: options.expected !== null,
      control: control === null ? null : { ip: control, answered: answered !== undefined },
    });
  });
}

function collect(heard: Map<Ip, Set<Mac>>, frames: ReturnType<Tap['next']>): void {
  const note = (ip: Ip, mac: Mac): void => void heard.set(ip, (heard.get(ip) ?? new Set()).add(mac));
  for (const { bytes, kind } of frames) {
    if (kind === FRAME_KIND.outgoing) continue;
    const arp = parseArp(bytes);
    if (arp !== null) note(arp.senderIp, arp.senderMac);
    const advertisement = parseAdvertisement(bytes);
    if (advertisement !== null) note(advertisement.target, advertisement.mac);
  }
}

/** The MACs of the directors that answered for their own addresses; null where there are none to go by. */
function expectedOf(
  directors: readonly Ip[],
  heard: ReadonlyMap<Ip, ReadonlySet<Mac>>,
  own: readonly Ip[],
  ownMac: Mac,
): readonly Mac[] | null {
  const macs = directors.flatMap((ip) => (own.includes(ip) ? [ownMac] : [...(heard.get(ip) ?? [])]));
  return macs.length > 0 ? macs : null;
}
