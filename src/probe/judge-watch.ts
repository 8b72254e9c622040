import type { Ip } from '../core/model/names.ts';
import type { Mac } from './mac.ts';
import { type ProbeResult, voided } from './result.ts';

export interface Watched {
  readonly vips: readonly Ip[];
  /** ARP that left this host: `device sender`, how often. */
  readonly leaving: ReadonlyMap<string, { readonly device: string; readonly sender: Ip; readonly count: number }>;
  /** Frames for a VIP from a MAC that is not a director's. */
  readonly strangers: ReadonlyMap<string, { readonly device: string; readonly mac: Mac; readonly vip: Ip }>;
  /** Whether VIP traffic from a director was seen. */
  readonly fromDirector: boolean;
  /** Directors' MACs; empty where nobody knows them. */
  readonly directorMacs: readonly Mac[];
  readonly forMs: number;
}

/** What was seen judges itself; that nothing was seen means something only where something else was. */
export function judgeWatch(watched: Watched): readonly ProbeResult[] {
  return [judgeArpLeaving(watched), judgeTraffic(watched)];
}

function judgeArpLeaving({ vips, leaving, forMs }: Watched): ProbeResult {
  const all = [...leaving.values()];
  const bad = all.filter(({ sender }) => vips.includes(sender));
  const base = { probe: 'probe-arp', subject: 'leaving' } as const;
  if (bad.length > 0)
    return {
      ...{ ...base, outcome: 'wrong', severity: 'critical', wanted: 'no ARP whose sender is a VIP' },
      seen: bad.map(({ device, sender, count }) => `${count} from ${sender} by ${device}`).join(', '),
      why: 'Every neighbour that receives it records this host as the owner of the VIP.',
      next: 'set arp_announce=2 on all (`rsprep apply`), take the VIP off the NIC, and stop the arping or keepalived that announces it',
      vips: vips.filter((vip) => bad.some(({ sender }) => sender === vip)),
    };
  const count = all.reduce((sum, item) => sum + item.count, 0);
  if (count > 0)
    return {
      ...{ ...base, outcome: 'good', seen: 'no ARP with a VIP as its sender left' },
      control: `${count} other ARP packets were seen to leave`,
    };
  return voided('probe-arp', 'leaving', {
    message: `no ARP at all left this host in ${forMs / 1000} s`,
    next: 'watch for longer (--for 5m), while the service is in use',
  });
}

function judgeTraffic({ vips, strangers, fromDirector, directorMacs, forMs }: Watched): ProbeResult {
  const base = { probe: 'probe-traffic', subject: 'arriving' } as const;
  if (directorMacs.length === 0)
    return voided('probe-traffic', 'arriving', {
      message: 'the MACs of the directors are not known',
      next: 'give --director MAC, or `directors:` in the configuration',
    });
  const all = [...strangers.values()];
  if (all.length > 0)
    return {
      ...{ ...base, outcome: 'wrong', severity: 'high', wanted: 'traffic for a VIP from a director only' },
      seen: all.map(({ device, mac, vip }) => `for ${vip} from ${mac} at ${device}`).join(', '),
      why: 'That host, or the router there, has recorded this host as the owner of the VIP, and sends packets to it past the director.',
      next: 'fix the leak (`rsprep verify`, `rsprep probe self`), then run `arping -U -c1 VIP` on the director to correct the neighbours',
      vips: vips.filter((ip) => all.some(({ vip }) => vip === ip)),
    };
  if (fromDirector)
    return {
      ...base,
      outcome: 'good',
      seen: 'VIP traffic from directors only',
      control: 'traffic from a director was seen',
    };
  return voided('probe-traffic', 'arriving', {
    message: `no traffic for a VIP arrived in ${forMs / 1000} s`,
    next: 'watch for longer (--for 5m), while the director sends clients here',
  });
}
