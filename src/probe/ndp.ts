import { type Ip, kernelIp } from '../core/model/names.ts';
import { bytesOf, textOf6 } from '../udp/address.ts';
import { type Mac, macBytes, macText } from './mac.ts';

/** RFC 4861, section 4.4. */
export interface Advertisement {
  readonly target: Ip;
  /** Of the option where there is one, else of the frame. */
  readonly mac: Mac;
  readonly destinationMac: Mac;
}

const ICMP6 = 58;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;

export interface Solicitation {
  readonly mac: Mac;
  /** Never `::`: an answer to that is multicast, which would announce the target to everybody (RFC 4861, 7.2.4). */
  readonly from: Ip;
  readonly target: Ip;
  /** Null for the Ethernet address of the target's solicited-node group. */
  readonly toMac: Mac | null;
  /** The target's solicited-node group, or the target itself. */
  readonly to: 'group' | 'target';
}

/** A neighbour solicitation, RFC 4861 section 4.3, with its source link-layer address. */
export function solicitation({ mac, from, target, toMac, to }: Solicitation): Uint8Array {
  const frame = new Uint8Array(86);
  const targetBytes = bytes6(target);
  const destination = to === 'target' ? targetBytes : solicitedNode(targetBytes);
  frame.set(toMac === null ? [0x33, 0x33, ...destination.subarray(12)] : macBytes(toMac), 0);
  frame.set(macBytes(mac), 6);
  frame.set([0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, ICMP6, 255], 12);
  frame.set(bytes6(from), 22);
  frame.set(destination, 38);
  frame[54] = SOLICITATION;
  frame.set(targetBytes, 62);
  frame.set([1, 1, ...macBytes(mac)], 78);
  const sum = checksum(frame);
  frame.set([sum >> 8, sum & 0xff], 56);
  return frame;
}

/** Null for anything but a neighbour advertisement without extension headers, which RFC 6980 forbids to fragment. */
export function parseAdvertisement(frame: Uint8Array): Advertisement | null {
  if (frame.length < 78 || frame[12] !== 0x86 || frame[13] !== 0xdd) return null;
  if (frame[20] !== ICMP6 || frame[21] !== 255 || frame[54] !== ADVERTISEMENT) return null;
  const hasOption = frame.length >= 86 && frame[78] === 2 && frame[79] === 1;
  return {
    target: textOfBytes6(frame.subarray(62, 78)),
    mac: macText(hasOption ? frame.subarray(80, 86) : frame.subarray(6, 12)),
    destinationMac: macText(frame.subarray(0, 6)),
  };
}

/** The link-local address that goes with a MAC: RFC 4291, appendix A. */
export function linkLocalOf(mac: Mac): Ip {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macBytes(mac);
  return textOfBytes6(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]));
}

export function textOfBytes6(bytes: Uint8Array): Ip {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return kernelIp(textOf6(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)));
}

const bytes6 = (ip: Ip): Uint8Array => bytesOf(ip) ?? new Uint8Array(16);

const solicitedNode = (target: Uint8Array): Uint8Array =>
  Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...target.subarray(13)]);

/** RFC 4443, section 2.3: the pseudo-header's addresses, length and next header, then the message. */
function checksum(frame: Uint8Array): number {
  let sum = frame.length - 54 + ICMP6;
  for (let at = 22; at < frame.length; at += 2) sum += ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
