// What serves the VIP: sockets, PKTINFO, probes, firewalls on the way, the connection table.
import { describe, expect, it } from 'vitest';
import type { Service } from '../../../../src/core/model/desired.ts';
import { unreadable, value } from '../../../../src/core/model/reading.ts';
import type { ProbeResult, ServiceSocket, Services } from '../../../../src/core/model/surroundings.ts';
import {
  address,
  type Case,
  cleanRouting,
  eth0,
  found,
  judged,
  knobs,
  link,
  onLo,
  RIP,
  socket,
  sockets,
  VIP,
  VIP6,
  vip,
} from './host.ts';

const DNS: Service = { protocol: 'udp', port: 53 };
const HTTP: Service = { protocol: 'tcp', port: 80 };
const yes = { asksDestination: value(true) };
const no = { asksDestination: value(false) };

const serving = (service: Service, services: Services, more: Partial<Case> = {}, ip: string = VIP): Case => ({
  ...more,
  desired: { vips: [vip(ip, [service])], ...more.desired },
  observed: { services, ...more.observed },
});
const probed = (outcome: ProbeResult['outcome'], ...list: readonly ServiceSocket[]): Case =>
  serving(DNS, { ...sockets(...list), probes: [{ vip: VIP, ...DNS, outcome }] });
/** The VIP on a VRF that the NIC is in. */
const inVrf = (bound: Partial<ServiceSocket>, accepts: number): Case => {
  const services = sockets(socket('tcp 0.0.0.0:80', bound));
  const red = link('red', 5, [address(VIP, 32, { scope: 'host' })], { kind: 'vrf', noArp: true });
  const links = value([link('lo', 1, onLo.slice(0, 1)), { ...eth0, master: 'red' as never, portKind: 'vrf' }, red]);
  return {
    desired: { vips: [vip(VIP, [HTTP], 'red')] },
    observed: { services, links, knobs: knobs({ 'net/ipv4/tcp_l3mdev_accept': accepts }) },
  };
};
const dns = `${VIP}/udp/53`;
const http = `${VIP}/tcp/80`;

const cases: readonly (readonly [name: string, given: Case, wanted: readonly string[]])[] = [
  ['no services configured', {}, []],
  // Who listens, and on which addresses.
  ['TCP on every address', serving(HTTP, sockets(socket('tcp 0.0.0.0:80'))), []],
  ['TCP on [::], which takes IPv4 too', serving(HTTP, sockets(socket('tcp [::]:80', { only6: false }))), []],
  [
    'TCP on [::], and nobody may ask whether it takes IPv4',
    serving(HTTP, sockets(socket('tcp [::]:80'))),
    [`unknown service-missing@${http}`],
  ],
  [
    'TCP on [::] for an IPv6 VIP, which that does not matter to',
    serving(HTTP, sockets(socket('tcp [::]:80')), {}, VIP6),
    [],
  ],
  ['bound to the director’s device', serving(HTTP, sockets(socket('tcp 0.0.0.0:80', { device: 'eth0' }))), []],
  [
    'bound to another device',
    serving(HTTP, sockets(socket('tcp 0.0.0.0:80', { device: 'eth7' }))),
    [`high service-missing@${http}`],
  ],
  [
    'bound to the director’s device, and replies leave by another one',
    serving(HTTP, sockets(socket('tcp 0.0.0.0:80', { device: 'eth0' })), {
      observed: {
        services: sockets(socket('tcp 0.0.0.0:80', { device: 'eth0' })),
        routing: value({
          ...cleanRouting,
          main: [],
          hops: [{ from: VIP, hops: [{ device: 'eth1' as never, gateway: '192.168.5.1' as never }] }],
        }),
      },
    }),
    [`high service-missing@${http}`],
  ],
  [
    'one bound to another device, and one that hears it',
    serving(HTTP, sockets(socket('tcp 0.0.0.0:80', { device: 'eth7' }), socket('tcp 0.0.0.0:80'))),
    [],
  ],
  ['in a VRF, bound to nothing', inVrf({ device: '' }, 0), [`high service-missing@${http}`]],
  ['in a VRF, bound to nothing, with l3mdev_accept', inVrf({ device: '' }, 1), []],
  ['in a VRF, bound to it', inVrf({ device: 'red' }, 0), []],
  ['in a VRF, bound to its NIC', inVrf({ device: 'eth0' }, 0), []],
  [
    'TCP on [::] with IPV6_V6ONLY',
    serving(HTTP, sockets(socket('tcp [::]:80', { only6: true }))),
    [`high service-missing@${http}`],
  ],
  ['TCP on [::] for an IPv6 VIP', serving(HTTP, sockets(socket('tcp [::]:80', { only6: true })), {}, VIP6), []],
  [
    'TCP on 0.0.0.0 for an IPv6 VIP',
    serving(HTTP, sockets(socket('tcp 0.0.0.0:80')), {}, VIP6),
    [`high service-missing@${VIP6}/tcp/80`],
  ],
  ['nothing at all', serving(HTTP, sockets()), [`high service-missing@${http}`]],
  ['on the RIP only', serving(HTTP, sockets(socket(`tcp ${RIP}:80`))), [`high service-missing@${http}`]],
  [
    'bound to the device lo',
    serving(HTTP, sockets(socket('tcp 0.0.0.0:80', { device: 'lo' }))),
    [`high service-missing@${http}`],
  ],
  ['on another port', serving(HTTP, sockets(socket('tcp 0.0.0.0:8080'))), [`high service-missing@${http}`]],
  ['by UDP instead of TCP', serving(HTTP, sockets(socket('udp 0.0.0.0:80', yes))), [`high service-missing@${http}`]],
  // What follows from a VIP that is missing.
  [
    'nothing, and the VIP is not there either',
    serving(HTTP, sockets(), {
      observed: { services: sockets(), links: value([link('lo', 1, onLo.slice(0, 1)), eth0]) },
    }),
    [`high vip-missing@${VIP}`],
  ],
  [
    'sockets that cannot be listed',
    serving(HTTP, { sockets: unreadable('privilege', 'EACCES'), elsewhere: [], probes: [] }),
    ['unknown service-missing'],
  ],
  // On the VIP alone, where the director’s health check asks the RIP.
  ['TCP on the VIP alone', serving(HTTP, sockets(socket(`tcp ${VIP}:80`))), [`advice service-vip-only@${http}`]],
  ['TCP on the VIP and the RIP', serving(HTTP, sockets(socket(`tcp ${VIP}:80`), socket(`tcp ${RIP}:80`))), []],
  [
    'TCP on the VIP alone, and no director that could check',
    serving(HTTP, sockets(socket(`tcp ${VIP}:80`)), { desired: { directors: [] } }),
    [],
  ],
  // From which address a UDP service answers.
  [
    'UDP on 0.0.0.0 without PKTINFO',
    serving(DNS, sockets(socket('udp 0.0.0.0:53', no))),
    [`high service-source@${dns}`],
  ],
  ['UDP on 0.0.0.0 with PKTINFO', serving(DNS, sockets(socket('udp 0.0.0.0:53', yes))), []],
  [
    'UDP on [::] without PKTINFO',
    serving(DNS, sockets(socket('udp [::]:53', { ...no, only6: false }))),
    [`high service-source@${dns}`],
  ],
  [
    'UDP on the VIP beside a wildcard socket without PKTINFO',
    serving(DNS, sockets(socket(`udp ${VIP}:53`), socket('udp 0.0.0.0:53', no))),
    [],
  ],
  [
    'one of several sockets without PKTINFO',
    serving(DNS, sockets(socket('udp 0.0.0.0:53', yes), socket('udp 0.0.0.0:53', no))),
    [`high service-source@${dns}`],
  ],
  [
    'UDP on 0.0.0.0, and nobody may look',
    serving(
      DNS,
      sockets(socket('udp 0.0.0.0:53', { asksDestination: unreadable('privilege', 'EPERM'), process: null })),
    ),
    [`unknown service-source@${dns}`],
  ],
  // What a configured probe got.
  [
    'a probe that is answered clears all doubts',
    probed({ kind: 'as-expected', milliseconds: 3 }, socket('udp 0.0.0.0:53', no)),
    [],
  ],
  ['a probe that is answered although no socket was seen', probed({ kind: 'as-expected', milliseconds: 3 }), []],
  [
    'a socket that does not answer',
    probed({ kind: 'no-answer', reason: 'no reply within 300 ms' }, socket('udp 0.0.0.0:53', yes)),
    [`high service-probe@${dns}`],
  ],
  [
    'a wrong answer',
    probed({ kind: 'wrong-answer', received: '00' }, socket('udp 0.0.0.0:53', yes)),
    [`high service-probe@${dns}`],
  ],
  [
    'an answer from the RIP',
    probed({ kind: 'wrong-source', source: RIP }, socket('udp 0.0.0.0:53', no)),
    [`high service-source@${dns}`],
  ],
  [
    'an answer from the RIP in spite of PKTINFO',
    probed({ kind: 'wrong-source', source: RIP }, socket('udp 0.0.0.0:53', yes)),
    [`high service-probe@${dns}`],
  ],
  [
    'a probe that goes unanswered because nothing listens',
    probed({ kind: 'no-answer', reason: '' }),
    [`high service-missing@${dns}`],
  ],
  [
    'a probe without an address to ask from',
    probed({ kind: 'not-asked', reason: 'no RIP' }, socket('udp 0.0.0.0:53', yes)),
    [`unknown service-probe@${dns}`],
  ],
  // The connection table, which may be full.
  [
    'a full connection table',
    { observed: { knobs: knobs({ 'net/netfilter/nf_conntrack_count': 100, 'net/netfilter/nf_conntrack_max': 100 }) } },
    ['high conntrack-full'],
  ],
  [
    'a nearly full connection table',
    { observed: { knobs: knobs({ 'net/netfilter/nf_conntrack_count': 95, 'net/netfilter/nf_conntrack_max': 100 }) } },
    ['advice conntrack-full'],
  ],
  [
    'a connection table with room',
    { observed: { knobs: knobs({ 'net/netfilter/nf_conntrack_count': 5, 'net/netfilter/nf_conntrack_max': 100 }) } },
    [],
  ],
];

describe('services', () => {
  it.each(cases)('%s', (_name, given, wanted) => expect(found(given)).toEqual(wanted));

  it('keeps the responder from vouching only where the service is dead', () => {
    const vouch = (given: Case) => judged(given).findings.map((f) => f.kind === 'wrong' && f.vouch);
    expect(vouch(serving(HTTP, sockets()))).toEqual(['silence']);
    expect(vouch(probed({ kind: 'no-answer', reason: '' }, socket('udp 0.0.0.0:53', yes)))).toEqual(['silence']);
    expect(vouch(serving(DNS, sockets(socket('udp 0.0.0.0:53', no))))).toEqual(['alarm']);
  });

  it('names the process of another network namespace', () => {
    const services = { ...sockets(), elsewhere: [{ protocol: 'tcp', port: 80, process: 'nginx (pid 7)' } as const] };
    const [finding] = judged(serving(HTTP, services)).findings;
    expect(finding?.kind === 'wrong' && finding.seen).toContain('nginx (pid 7) in another network namespace');
  });
});
