import type { Desired } from '../../core/model/desired.ts';
import type { Ip } from '../../core/model/names.ts';
import { absent, type Reading, value } from '../../core/model/reading.ts';
import type { ServiceSocket, Services } from '../../core/model/surroundings.ts';
import { answersFor } from '../../core/network/service-sockets.ts';
import { askSocket, type Holder, holdersOf } from '../process/processes.ts';
import { probeServices } from './service-probes.ts';
import { readSocketTable, type TableSocket } from './socket-table.ts';
import { socketsElsewhere } from './sockets-elsewhere.ts';

/** SOL_SOCKET 1 · IPPROTO_IP 0 · IPPROTO_IPV6 41 (linux/in.h, asm-generic/socket.h). */
const OPTION = {
  boundDevice: [1, 62], // SO_BINDTOIFINDEX
  pktinfo: [0, 8], // IP_PKTINFO
  originalDestination: [0, 20], // IP_RECVORIGDSTADDR
  pktinfo6: [41, 49], // IPV6_RECVPKTINFO
  originalDestination6: [41, 74], // IPV6_RECVORIGDSTADDR
  only6: [41, 26], // IPV6_V6ONLY
} as const;

/**
 * Who listens on the configured ports, and how. Nothing at all is looked at without configured services; processes only for
 * the sockets found, other network namespaces only for services that nobody answers here.
 */
export function observeServices(
  desired: Desired,
  deviceName: (index: number) => string | null,
  ownAddress: (family: 4 | 6) => Ip | null,
): Services | null {
  const wanted = desired.vips.flatMap(({ services }) => services);
  if (wanted.length === 0) return null;
  const ports = new Set(wanted.map(({ protocol, port }) => `${protocol}/${port}`));
  const table = readSocketTable(ports);
  if (table.kind !== 'value') return { sockets: table, elsewhere: [], probes: probeServices(desired, ownAddress) };
  const holders = holdersOf(new Set(table.value.map(({ inode }) => inode)));
  const sockets = table.value.map((socket) => describe(socket, holders.get(socket.inode) ?? null, deviceName));
  const orphans = desired.vips.flatMap(({ address, services }) =>
    services.filter((service) => answersFor(sockets, address, service) === null),
  );
  return {
    sockets: value(sockets),
    elsewhere: orphans.length === 0 ? [] : socketsElsewhere(new Set(orphans.map((s) => `${s.protocol}/${s.port}`))),
    probes: probeServices(desired, ownAddress),
  };
}

function describe(
  socket: TableSocket,
  holder: Holder | null,
  deviceName: (index: number) => string | null,
): ServiceSocket {
  const ask = (option: readonly [number, number]): Reading<number> => askSocket(holder, ...option);
  const wildcard = socket.address === '0.0.0.0' || socket.address === '::';
  const index = ask(OPTION.boundDevice);
  const only6 = socket.family === 6 && wildcard ? ask(OPTION.only6) : absent;
  return {
    protocol: socket.protocol,
    family: socket.family,
    address: socket.address,
    port: socket.port,
    process: holder?.name ?? null,
    device: index.kind !== 'value' ? null : index.value === 0 ? '' : deviceName(index.value),
    only6: only6.kind === 'value' ? only6.value !== 0 : null,
    asksDestination: wildcard && socket.protocol === 'udp' ? asks(socket.family, ask) : absent,
  };
}

/** A socket of family 6 takes either family's option for the IPv4 datagrams it gets (ip6_datagram_recv_common_ctl). */
function asks(family: 4 | 6, ask: (option: readonly [number, number]) => Reading<number>): Reading<boolean> {
  const options =
    family === 4
      ? [OPTION.pktinfo, OPTION.originalDestination]
      : [OPTION.pktinfo6, OPTION.pktinfo, OPTION.originalDestination6];
  let last: Reading<number> = absent;
  for (const option of options) {
    last = ask(option);
    if (last.kind === 'value' && last.value !== 0) return value(true);
    if (last.kind === 'unreadable') return last;
  }
  return last.kind === 'value' ? value(false) : absent;
}
