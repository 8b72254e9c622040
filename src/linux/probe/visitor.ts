import { closeSync } from 'node:fs';
import type { Visitor } from '../../app/ports/probe.ts';
import { type Ip, isIpv6 } from '../../core/model/names.ts';
import { arpRequest, parseArp } from '../../probe/arp.ts';
import { neighbourFilter } from '../../probe/filter.ts';
import { inventedMac, type Mac } from '../../probe/mac.ts';
import { linkLocalOf, parseAdvertisement, solicitation } from '../../probe/ndp.ts';
import { failed, ok, type ProbeFailure, type Tried } from '../../probe/result.ts';
import { bytesOf } from '../../udp/address.ts';
import type { Namespace } from './namespace.ts';
import { type Packets, SOCKET } from './native.ts';
import { askIn, familyNumber, receiveOne, socketAddress } from './sockets.ts';
import { openTap } from './tap.ts';

const DEVICE = 'visitor';
const ROUNDS = 2;

/**
 * A host of its own on the network of `parent`: a macvlan in the namespace, with an invented MAC. It ends with the namespace.
 * IPv6 is there at once with the link-local address of the MAC; IPv4 has to be given an address, settle().
 */
export async function openVisitor(
  packets: Packets,
  space: Namespace,
  parent: string,
  from: Ip | null,
  random: Uint8Array,
): Promise<Tried<Visitor>> {
  // The same MAC for the same address each time: the real server may still have it in its neighbour table.
  const mac = inventedMac(from === null ? random : Uint8Array.from([2, 0x72, ...(bytesOf(from) ?? random).slice(12)]));
  const link = ['ip', 'link', 'add', 'link', parent, 'name', DEVICE, 'address', mac, 'netns', space.path] as const;
  const created = await space.outside([...link, 'type', 'macvlan', 'mode', 'bridge']);
  if (created.kind === 'failed') return failed(noMacvlan(parent, created.failure));
  await space.ip(
    [
      `link set dev ${DEVICE} addrgenmode none`,
      `link set dev ${DEVICE} up`,
      `addr add ${linkLocalOf(mac)}/64 dev ${DEVICE} nodad`,
    ],
    { lenient: true },
  );
  const shown = await space.ip([`link set dev ${DEVICE} up`, 'link set dev lo up', `link show dev ${DEVICE}`]);
  if (shown.kind === 'failed') return shown;
  const index = Number(/"ifindex":(\d+)/.exec(shown.value)?.[1] ?? Number.NaN);
  const tap = openTap(packets, space.fd, index, neighbourFilter());
  if (tap.kind === 'failed') return tap;
  const resolve = (ip: Ip, from: Ip | null, timeoutMs: number): readonly Mac[] => {
    const macs = new Set<Mac>();
    for (let round = 0; round < ROUNDS && (round === 0 || macs.size === 0); round += 1) {
      const sender = { mac, ip: from ?? '0.0.0.0' };
      const six = { mac, from: linkLocalOf(mac), target: ip, toMac: null, to: 'group' } as const;
      tap.value.send(isIpv6(ip) ? solicitation(six) : arpRequest(sender, ip));
      const untilMs = performance.now() + timeoutMs;
      for (let leftMs = timeoutMs; leftMs > 0; leftMs = untilMs - performance.now()) {
        for (const { bytes } of tap.value.next(leftMs)) {
          const arp = parseArp(bytes);
          if (arp?.senderIp === ip && arp.senderMac !== mac) macs.add(arp.senderMac);
          const advertisement = parseAdvertisement(bytes);
          if (advertisement?.target === ip) macs.add(advertisement.mac);
        }
      }
    }
    return [...macs];
  };
  const quietly = async (lines: readonly string[]): Promise<Tried<null>> => {
    const result = await space.ip(lines);
    return result.kind === 'ok' ? ok(null) : result;
  };
  return ok({
    mac,
    resolve,
    settle: (ip, prefixLength) =>
      quietly([`addr add ${ip}/${prefixLength} dev ${DEVICE}${isIpv6(ip) ? ' nodad' : ''}`]),
    pin: (ip, to) =>
      quietly([`neigh replace ${ip} lladdr ${to} dev ${DEVICE} nud permanent`, `route replace ${ip} dev ${DEVICE}`]),
    ask: (question, timeoutMs) => askIn(packets, space.fd, question, timeoutMs),
    echo: (ip, timeoutMs) => echo(packets, space.fd, ip, timeoutMs),
    close: async () => tap.value.close(),
  });
}

const noMacvlan = (parent: string, { message, kind }: ProbeFailure): ProbeFailure => ({
  kind,
  message: `a macvlan on ${parent} cannot be made: ${message}`,
  next: 'wireless and some virtual networks allow none, and neither does a port of a bridge or bond: name the bridge or bond instead',
});

/** RFC 792, RFC 4443. */
function echo(packets: Packets, namespace: number, ip: Ip, timeoutMs: number): boolean {
  const six = isIpv6(ip);
  const fd = packets.openIn(namespace, familyNumber(ip), SOCKET.raw, six ? 58 : 1);
  if (fd < 0) return false;
  try {
    // Checksum of type 8 and eight zero bytes; the kernel fills in that of ICMPv6.
    const request = Uint8Array.of(six ? 128 : 8, 0, six ? 0 : 0xf7, six ? 0 : 0xff, 0, 0, 0, 0);
    packets.sendBytes(fd, request, socketAddress(ip, 0));
    const untilMs = performance.now() + timeoutMs;
    for (let leftMs = timeoutMs; leftMs > 0; leftMs = untilMs - performance.now()) {
      const reply = receiveOne(packets, fd, Math.ceil(leftMs));
      if (reply === null) return false;
      const type = six ? reply.bytes[0] : reply.bytes[((reply.bytes[0] ?? 0) & 15) * 4];
      if (reply.from.ip === ip && type === (six ? 129 : 0)) return true;
    }
    return false;
  } finally {
    closeSync(fd);
  }
}
