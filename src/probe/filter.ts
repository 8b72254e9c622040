import { type Ip, isIpv6 } from '../core/model/names.ts';
import { bytesOf } from '../udp/address.ts';
import { type Mac, macBytes } from './mac.ts';

/** Kinds of frames on a packet socket, packet(7). */
export const FRAME_KIND = { host: 0, broadcast: 1, multicast: 2, otherHost: 3, outgoing: 4 } as const;

const LOAD = { word: 0x20, half: 0x28, byte: 0x30 } as const;
const JUMP = 0x05;
const IF_EQUAL = 0x15;
const RETURN = 0x06;
/** SKF_AD_OFF + SKF_AD_PKTTYPE, linux/filter.h. */
const PACKET_KIND = 0xfffff004;
const WHOLE_FRAME = 0x40000;

type Instruction =
  | { readonly load: keyof typeof LOAD; readonly at: number }
  | { readonly when: number; readonly to: string }
  | { readonly unless: number; readonly to: string }
  | { readonly label: string };

/** ARP, and ICMPv6 neighbour solicitations and advertisements. */
export const neighbourFilter = (): Uint8Array =>
  assemble([
    { load: 'half', at: 12 },
    { when: 0x0806, to: 'accept' },
    { unless: 0x86dd, to: 'reject' },
    { load: 'byte', at: 20 },
    { unless: 58, to: 'reject' },
    { load: 'byte', at: 54 },
    { when: 135, to: 'accept' },
    { when: 136, to: 'accept' },
  ]);

/** ARP that leaves this host. */
export const arpLeavingFilter = (): Uint8Array =>
  assemble([
    { load: 'byte', at: PACKET_KIND },
    { unless: FRAME_KIND.outgoing, to: 'reject' },
    { load: 'half', at: 12 },
    { when: 0x0806, to: 'accept' },
  ]);

/**
 * Frames to this host whose destination is a VIP, from one of `macs` or from anybody else. The kernel sorts them, so that a
 * busy service costs nothing here.
 */
export function vipTrafficFilter(vips: readonly Ip[], macs: readonly Mac[], from: 'these' | 'others'): Uint8Array {
  const known = macs.flatMap((mac, index): readonly Instruction[] => {
    const view = new DataView(macBytes(mac).buffer);
    return [
      { load: 'word', at: 6 },
      { unless: view.getUint32(0), to: `other${index}` },
      { load: 'half', at: 10 },
      { when: view.getUint16(4), to: from === 'these' ? 'sorted' : 'reject' },
      { label: `other${index}` },
    ];
  });
  return assemble([
    { load: 'byte', at: PACKET_KIND },
    { unless: FRAME_KIND.host, to: 'reject' },
    ...known,
    ...(from === 'these' ? [{ load: 'byte', at: PACKET_KIND } as const, { when: FRAME_KIND.host, to: 'reject' }] : []),
    { label: 'sorted' },
    { load: 'half', at: 12 },
    { when: 0x86dd, to: 'six' },
    { unless: 0x0800, to: 'reject' },
    { load: 'word', at: 30 },
    ...vips.filter((vip) => !isIpv6(vip)).map((vip) => ({ when: wordsOf(vip)[3] ?? 0, to: 'accept' })),
    { load: 'byte', at: PACKET_KIND },
    { when: FRAME_KIND.host, to: 'reject' },
    { label: 'six' },
    ...groupsOf(vips.filter(isIpv6)).flatMap(destinationInGroup),
  ]);
}

/** IPv6 VIPs by their first 96 bits: one instruction pair for each VIP then, of the 4096 that a filter may have. */
function groupsOf(vips: readonly Ip[]): readonly (readonly (readonly number[])[])[] {
  const groups = new Map<string, (readonly number[])[]>();
  for (const words of vips.map(wordsOf)) {
    const key = words.slice(0, 3).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), words]);
  }
  return [...groups.values()];
}

function destinationInGroup(group: readonly (readonly number[])[], index: number): readonly Instruction[] {
  const prefix = group[0]?.slice(0, 3) ?? [];
  return [
    ...prefix.flatMap((word, at): readonly Instruction[] => [
      { load: 'word', at: 38 + 4 * at },
      { unless: word, to: `group${index}` },
    ]),
    { load: 'word', at: 50 },
    ...group.map(([, , , last = 0]) => ({ when: last, to: 'accept' })),
    { label: `group${index}` },
  ];
}

function wordsOf(ip: Ip): readonly number[] {
  const bytes = bytesOf(ip) ?? new Uint8Array(16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return [0, 4, 8, 12].map((at) => view.getUint32(at));
}

/** struct sock_filter[] (linux/filter.h). Conditions jump over an unconditional jump: theirs reach 255 instructions only. */
function assemble(body: readonly Instruction[]): Uint8Array {
  const code: { code: number; yes: number; no: number; value: number; to: string | null }[] = [];
  const labels = new Map<string, number>();
  const plain = (op: number, value: number): void => void code.push({ code: op, yes: 0, no: 0, value, to: null });
  for (const instruction of body) {
    if ('label' in instruction) labels.set(instruction.label, code.length);
    else if ('load' in instruction) plain(LOAD[instruction.load], instruction.at);
    else {
      const [value, yes] = 'when' in instruction ? [instruction.when, 0] : [instruction.unless, 1];
      code.push({ code: IF_EQUAL, yes, no: 1 - yes, value, to: null });
      code.push({ code: JUMP, yes: 0, no: 0, value: 0, to: instruction.to });
    }
  }
  labels.set('reject', code.length);
  plain(RETURN, 0);
  labels.set('accept', code.length);
  plain(RETURN, WHOLE_FRAME);
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  code.forEach(({ code: op, yes, no, value, to }, index) => {
    view.setUint16(8 * index, op, true);
    bytes.set([yes, no], 8 * index + 2);
    view.setUint32(8 * index + 4, to === null ? value : (labels.get(to) ?? code.length - 2) - index - 1, true);
  });
  return bytes;
}
