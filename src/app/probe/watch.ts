import { type Ip, kernelIp } from '../../core/model/names.ts';
import { parseArp } from '../../probe/arp.ts';
import { arpLeavingFilter, vipTrafficFilter } from '../../probe/filter.ts';
import { judgeWatch, type Watched } from '../../probe/judge-watch.ts';
import { type Mac, macText } from '../../probe/mac.ts';
import { textOfBytes6 } from '../../probe/ndp.ts';
import { ok, type ProbeResult, type Tried } from '../../probe/result.ts';
import type { Probing, Tap } from '../ports/probe.ts';

export interface WatchOptions {
  readonly vips: readonly Ip[];
  readonly directors: readonly Ip[];
  readonly directorMacs: readonly Mac[];
  readonly forMs: number;
}

const SLICE_MS = 50;
const ALL_INTERFACES = 0;

/** Listens and sends nothing. */
export async function probeWatch(
  host: Probing,
  { vips, directors, directorMacs, forMs }: WatchOptions,
  stopped: () => boolean,
): Promise<Tried<readonly ProbeResult[]>> {
  const known = [...directorMacs, ...directors.map((ip) => host.neighbourMac(ip)).filter((mac) => mac !== null)];
  const listed = host.interfaces();
  const nameOf = (index: number): string =>
    (listed.kind === 'value' ? listed.value.find((nic) => nic.index === index)?.name : undefined) ?? `#${index}`;
  const taps: Tap[] = [];
  for (const filter of [
    arpLeavingFilter(),
    vipTrafficFilter(vips, known, 'others'),
    vipTrafficFilter(vips, known, 'these'),
  ]) {
    const tap = host.tap(ALL_INTERFACES, filter);
    if (tap.kind === 'ok') taps.push(tap.value);
    else {
      for (const open of taps) open.close();
      return tap;
    }
  }
  const [arp, others, these] = taps as [Tap, Tap, Tap];
  const leaving = new Map<string, { device: string; sender: Ip; count: number }>();
  const strangers = new Map<string, { device: string; mac: Mac; vip: Ip }>();
  let fromDirector = false;
  const startedMs = host.monotonicMs();
  try {
    while (host.monotonicMs() - startedMs < forMs && !stopped()) {
      const leftMs = forMs - (host.monotonicMs() - startedMs);
      for (const { bytes, interface: index } of arp.next(Math.max(1, Math.min(SLICE_MS, leftMs)))) {
        const sender = parseArp(bytes)?.senderIp;
        if (sender === undefined) continue;
        const device = nameOf(index);
        const before = leaving.get(`${device} ${sender}`)?.count ?? 0;
        leaving.set(`${device} ${sender}`, { device, sender, count: before + 1 });
      }
      for (const { bytes, interface: index } of known.length > 0 ? others.next(0) : []) {
        const item = { device: nameOf(index), mac: macText(bytes.subarray(6, 12)), vip: destinationOf(bytes) };
        if (item.device !== 'lo') strangers.set(`${item.device} ${item.mac} ${item.vip}`, item);
      }
      fromDirector ||= these.next(0).length > 0;
      await host.breathe();
    }
  } finally {
    for (const tap of taps) tap.close();
  }
  const watched: Watched = {
    ...{ vips, leaving, strangers, fromDirector, directorMacs: known },
    forMs: Math.round(host.monotonicMs() - startedMs),
  };
  return ok(judgeWatch(watched));
}

function destinationOf(frame: Uint8Array): Ip {
  return frame[12] === 0x86 ? textOfBytes6(frame.slice(38, 54)) : kernelIp(frame.subarray(30, 34).join('.'));
}
