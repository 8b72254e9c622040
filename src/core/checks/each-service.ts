import { fateOf } from '../firewall/firewall.ts';
import { firstPacket } from '../firewall/nft-match.ts';
import { inPlace } from '../model/addresses.ts';
import type { CheckContext } from '../model/check.ts';
import type { DesiredVip, Service } from '../model/desired.ts';
import type { Verdict } from '../model/finding.ts';
import type { ProbeResult, ServiceSocket, Services } from '../model/surroundings.ts';
import { entranceOf } from '../network/entrance.ts';
import type { Entrance } from '../network/service-sockets.ts';
import { linksOf } from '../network/ways.ts';

export interface Asked {
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
export function eachService(context: CheckContext, judge: (asked: Asked) => readonly Verdict[]): readonly Verdict[] {
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

/** The one service that suffers, and its VIP. */
export const concerns = ({ vip, service }: Pick<Asked, 'vip' | 'service'>) =>
  ({ demand: { kind: 'vip', ip: vip.address }, vips: [vip.address], service }) as const;

/** What a service's finding is rooted in where its VIP is not there at all. */
export const missingVip = (context: CheckContext, vip: DesiredVip): string | null =>
  inPlace(linksOf(context), vip) ? null : `vip-missing@${vip.address}`;
