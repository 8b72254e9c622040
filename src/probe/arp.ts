import { type Ip, kernelIp } from '../core/model/names.ts';
import { bytesOf, textOf4 } from '../udp/address.ts';
import { type Mac, macBytes, macText } from './mac.ts';

/** RFC 826 over Ethernet. */
export interface Arp {
  readonly operation: 'request' | 'reply';
  readonly senderMac: Mac;
  readonly senderIp: Ip;
  readonly targetMac: Mac;
  readonly targetIp: Ip;
}

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** The least an Ethernet frame may have; what is missing is zeros. */
const FRAME_BYTES = 60;

/** `who-has target tell sender`, broadcast. Sender 0.0.0.0 is RFC 5227's probe: it enters nobody's neighbour table. */
export function arpRequest(
  from: { readonly mac: Mac; readonly ip: string },
  target: Ip,
  to: Mac = BROADCAST,
): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES);
  frame.set(macBytes(to), 0);
  frame.set(macBytes(from.mac), 6);
  frame.set([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1], 12);
  frame.set(macBytes(from.mac), 22);
  frame.set(bytes4(from.ip), 28);
  frame.set(bytes4(target), 38);
  return frame;
}

/** Null for anything but ARP for IPv4 over Ethernet. */
export function parseArp(frame: Uint8Array): Arp | null {
  if (frame.length < 42) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) !== 0x0806 || view.getUint32(14) !== 0x00010800 || view.getUint16(18) !== 0x0604) return null;
  const operation = view.getUint16(20);
  if (operation !== 1 && operation !== 2) return null;
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: macText(frame.subarray(22, 28)),
    senderIp: kernelIp(textOf4(view.getUint32(28))),
    targetMac: macText(frame.subarray(32, 38)),
    targetIp: kernelIp(textOf4(view.getUint32(38))),
  };
}

const bytes4 = (ip: string): Uint8Array => bytesOf(ip)?.subarray(12) ?? new Uint8Array(4);
