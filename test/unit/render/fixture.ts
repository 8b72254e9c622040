import type { Desired } from '../../../src/core/model/desired.ts';
import { type Ip, LO } from '../../../src/core/model/names.ts';

export const ip = (text: string): Ip => text as Ip;

/** Two IPv4 VIPs and one IPv6, three kinds of service, three real servers of which one has both families. */
export function farmConfig(changes: Partial<Desired> = {}): Desired {
  return {
    vips: [
      {
        address: ip('192.0.2.10'),
        device: LO,
        services: [
          { protocol: 'udp', port: 53 },
          { protocol: 'tcp', port: 53 },
        ],
      },
      { address: ip('192.0.2.11'), device: LO, services: [{ protocol: 'tcp', port: 443 }] },
      { address: ip('2001:db8::10'), device: LO, services: [{ protocol: 'udp', port: 53 }] },
    ],
    rip: null,
    directors: [ip('10.0.0.2'), ip('10.0.0.3')],
    role: 'real-server',
    persist: true,
    responder: {
      port: 5300,
      intervalMs: 1000,
      leaseMs: 5000,
      onDrift: 'silent',
      unknownGraceMs: 60_000,
      stopGraceMs: 0,
    },
    report: { textfile: null, remindMs: 86_400_000 },
    ignore: [],
    farm: {
      scheduler: 'wrr',
      realServers: [
        { rip: ip('10.0.0.11'), weight: 1 },
        { rip: ip('10.0.0.12'), weight: 2 },
        { rip: ip('fd00::11'), weight: 1 },
      ],
    },
    ...changes,
  };
}
