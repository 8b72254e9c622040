import { closeSync } from 'node:fs';
import type { Control, Neighbour } from '../../app/ports/probe.ts';
import { type Ip, isIpv6, kernelIp } from '../../core/model/names.ts';
import { deviceName } from '../../probe/interfaces.ts';
import { inventedMac } from '../../probe/mac.ts';
import { failed, ok, type Tried } from '../../probe/result.ts';
import { read } from '../process/command.ts';
import { errnoText } from './errno.ts';
import type { Namespace } from './namespace.ts';
import { FAMILY, type Packets, SOCKET } from './native.ts';
import { addressOf, askIn, familyNumber, receiveOne, socketAddress } from './sockets.ts';

const FAR = 'neighbour';
const EADDRNOTAVAIL = -99;
const TIMEOUT_MS = 5000;

interface Ends {
  readonly near: Ip;
  readonly far: Ip;
}

/**
 * A neighbour on a link of its own: a veth whose far end is in the namespace, link-local addresses (RFC 3927; a ULA for IPv6),
 * neighbour entries by hand so that nobody asks ARP, and routes to the VIPs. The near address has scope link: never chosen as a
 * source for anything else (inet_select_addr).
 */
export async function openNeighbour(
  packets: Packets,
  space: Namespace,
  vips: readonly Ip[],
  random: Uint8Array,
): Promise<Tried<Neighbour>> {
  const near = deviceName(process.pid, 'b');
  const nearMac = inventedMac(random.subarray(0, 6));
  const farMac = inventedMac(random.subarray(6, 12));
  const [a = 0, b = 0, c = 0] = random.subarray(12);
  const base = `169.254.${16 + (a % 200)}.${(b % 63) * 4}`;
  const four: Ends = { near: kernelIp(nextAddress(base, 1)), far: kernelIp(nextAddress(base, 2)) };
  const prefix = `fd72:7370:${((a << 8) | b).toString(16)}:${(c + 1).toString(16)}`;
  const six: Ends = { near: kernelIp(`${prefix}::1`), far: kernelIp(`${prefix}::2`) };
  const ends = [...(vips.some((vip) => !isIpv6(vip)) ? [four] : []), ...(vips.some(isIpv6) ? [six] : [])];
  const close = async (): Promise<void> => {
    await space.outside(['ip', 'link', 'del', 'dev', near]);
  };
  const created = await space.outside(
    ['ip', '-batch', '-'],
    `link add name ${near} address ${nearMac} type veth peer name ${FAR} address ${farMac} netns ${space.path}\n`,
  );
  if (created.kind === 'failed') return created;
  await space.outside(['ip', '-force', '-batch', '-'], `link set dev ${near} addrgenmode none\n`);
  const outside = await space.outside(
    ['ip', '-batch', '-'],
    [
      `link set dev ${near} up`,
      ...ends.flatMap((end) => [
        `addr add ${prefixed(end.near)} dev ${near} ${isIpv6(end.near) ? 'nodad' : 'scope link'}`,
        `neigh replace ${end.far} lladdr ${farMac} dev ${near} nud permanent`,
      ]),
      '',
    ].join('\n'),
  );
  await space.ip([`link set dev ${FAR} addrgenmode none`], { lenient: true });
  const inside = await space.ip([
    'link set dev lo up',
    `link set dev ${FAR} up`,
    ...ends.flatMap((end) => [
      `addr add ${prefixed(end.far)} dev ${FAR} ${isIpv6(end.far) ? 'nodad' : ''}`,
      `neigh replace ${end.near} lladdr ${nearMac} dev ${FAR} nud permanent`,
      ...vips
        .filter((vip) => isIpv6(vip) === isIpv6(end.near))
        .map((vip) => `route add ${vip} via ${end.near} dev ${FAR}`),
    ]),
  ]);
  for (const step of [outside, inside]) {
    if (step.kind === 'ok') continue;
    await close();
    return step;
  }
  const astray = vips.find((vip) => leavesBy(vip, isIpv6(vip) ? six.far : four.far, near) !== null);
  if (astray !== undefined) {
    await close();
    const device = leavesBy(astray, isIpv6(astray) ? six.far : four.far, near);
    return failed({
      kind: 'failed',
      message: `answers from ${astray} to a neighbour on a link of its own would leave by ${device}, so no question was sent`,
      next: 'a routing rule depends on the source; ask from another host: rsprep probe service',
    });
  }
  return ok({
    ask: (question, timeoutMs) => askIn(packets, space.fd, question, timeoutMs),
    control: (vip, protocol, timeoutMs) =>
      protocol === 'udp'
        ? controlUdp(packets, space.fd, vip, timeoutMs)
        : controlTcp(packets, space.fd, vip, timeoutMs),
    close,
  });
}

const prefixed = (ip: Ip): string => `${ip}/${isIpv6(ip) ? 126 : 30}`;
const nextAddress = (base: string, by: number): string => base.replace(/\d+$/, (last) => String(Number(last) + by));

/** The device by which an answer would leave when it is not this one; null when it is, or when the VIP is not local. */
function leavesBy(vip: Ip, far: Ip, near: string): string | null {
  const result = read(['ip', '-j', 'route', 'get', far, 'from', vip], { timeoutMs: TIMEOUT_MS });
  if (result.kind !== 'ok') return null;
  const device = /"dev":"([^"]*)"/.exec(result.stdout)?.[1] ?? null;
  return device === near ? null : device;
}

/** A UDP echo of our own on the VIP, asked from the namespace. */
function controlUdp(packets: Packets, namespace: number, vip: Ip, timeoutMs: number): Control {
  return withServer(packets, vip, SOCKET.datagram, (server, port) => {
    const client = packets.openIn(namespace, familyNumber(vip), SOCKET.datagram, 0);
    try {
      const sent = packets.sendBytes(client, Uint8Array.of(1), socketAddress(vip, port));
      if (sent < 0) return { kind: 'failed', detail: `nothing could be sent to ${vip}: ${errnoText(sent).text}` };
      const request = receiveOne(packets, server, timeoutMs);
      if (request === null)
        return { kind: 'failed', detail: `a datagram to rsprep’s own socket on ${vip} did not arrive` };
      packets.sendBytes(server, request.bytes, socketAddress(request.from.ip, request.from.port));
      const reply = receiveOne(packets, client, timeoutMs);
      return reply !== null && reply.error === 0 && reply.from.ip === vip
        ? { kind: 'worked', detail: `rsprep’s own socket on ${vip} was reached and its answer came back` }
        : { kind: 'failed', detail: `the answer of rsprep’s own socket on ${vip} did not come back` };
    } finally {
      if (client >= 0) closeSync(client);
    }
  });
}

/** A listener of our own on the VIP; the kernel completes the handshake. */
function controlTcp(packets: Packets, namespace: number, vip: Ip, timeoutMs: number): Control {
  return withServer(packets, vip, SOCKET.stream, (server, port) => {
    packets.listenOn(server);
    const question = { ip: vip, protocol: 'tcp', port, send: new Uint8Array() } as const;
    const asked = askIn(packets, namespace, question, timeoutMs);
    return asked.kind === 'connected'
      ? { kind: 'worked', detail: `rsprep’s own listener on ${vip} was reached` }
      : { kind: 'failed', detail: `rsprep’s own listener on ${vip} was not reached` };
  });
}

function withServer(packets: Packets, vip: Ip, type: number, use: (fd: number, port: number) => Control): Control {
  const server = packets.openIn(-1, familyNumber(vip), type, 0);
  if (server < 0) return { kind: 'failed', detail: errnoText(server).text };
  try {
    const bound = packets.bindTo(server, socketAddress(vip, 0));
    if (bound === EADDRNOTAVAIL) return { kind: 'not-local' };
    if (bound < 0)
      return { kind: 'failed', detail: `rsprep’s own socket cannot be bound to ${vip}: ${errnoText(bound).text}` };
    const name = new Uint8Array(32);
    name[0] = FAMILY.inet;
    packets.nameOf(server, name);
    return use(server, addressOf(name).port);
  } finally {
    closeSync(server);
  }
}
