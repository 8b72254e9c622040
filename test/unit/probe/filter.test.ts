// The filters, run by an interpreter of classic BPF as far as they use it (linux/Documentation/networking/filter.rst).
import { describe, expect, it } from 'vitest';
import { kernelIp } from '../../../src/core/model/names.ts';
import { arpRequest } from '../../../src/probe/arp.ts';
import { arpLeavingFilter, FRAME_KIND, neighbourFilter, vipTrafficFilter } from '../../../src/probe/filter.ts';
import { macBytes } from '../../../src/probe/mac.ts';
import { linkLocalOf, solicitation } from '../../../src/probe/ndp.ts';
import { bytesOf } from '../../../src/udp/address.ts';

const DIRECTOR = '02:00:00:00:00:02';
const STRANGER = '02:00:00:00:01:02';

function accepts(program: Uint8Array, frame: Uint8Array, kind: number): boolean {
  const code = new DataView(program.buffer);
  const data = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let a = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    const [op, yes, no] = [code.getUint16(8 * at, true), code.getUint8(8 * at + 2), code.getUint8(8 * at + 3)];
    const k = code.getUint32(8 * at + 4, true);
    const width = { 32: 4, 40: 2, 48: 1 }[op];
    if (op === 0x06) return k > 0;
    if (op === 0x05) at += k;
    else if (op === 0x15) at += a === k ? yes : no;
    else if (k === 0xfffff004) a = kind;
    else if (width === undefined || k + width > frame.length)
      return false; // the kernel rejects a load past the end
    else a = width === 4 ? data.getUint32(k) : width === 2 ? data.getUint16(k) : data.getUint8(k);
  }
  throw new Error('a filter must end in a return');
}

function packet(from: string, to: string): Uint8Array {
  const frame = new Uint8Array(80);
  frame.set(macBytes(from), 6);
  const bytes = bytesOf(to) ?? new Uint8Array(16);
  if (to.includes(':')) {
    frame.set([0x86, 0xdd], 12);
    frame.set(bytes, 38);
  } else {
    frame.set([0x08, 0x00], 12);
    frame.set(bytes.subarray(12), 30);
  }
  return frame;
}

const arp = arpRequest({ mac: DIRECTOR, ip: '10.0.0.2' }, kernelIp('10.0.0.100'));

describe('filters', () => {
  it('of neighbour questions take ARP and solicitations, and nothing else', () => {
    const ns = {
      mac: DIRECTOR,
      from: linkLocalOf(DIRECTOR),
      target: kernelIp('fd00::1'),
      toMac: null,
      to: 'group',
    } as const;
    expect(accepts(neighbourFilter(), arp, FRAME_KIND.outgoing)).toBe(true);
    expect(accepts(neighbourFilter(), solicitation(ns), FRAME_KIND.host)).toBe(true);
    expect(accepts(neighbourFilter(), packet(DIRECTOR, '10.0.0.100'), FRAME_KIND.host)).toBe(false);
    expect(accepts(neighbourFilter(), packet(DIRECTOR, 'fd00::1'), FRAME_KIND.host)).toBe(false);
  });

  it('of leaving ARP take no ARP that arrives', () => {
    expect(accepts(arpLeavingFilter(), arp, FRAME_KIND.outgoing)).toBe(true);
    expect(accepts(arpLeavingFilter(), arp, FRAME_KIND.broadcast)).toBe(false);
    expect(accepts(arpLeavingFilter(), packet(DIRECTOR, '10.0.0.100'), FRAME_KIND.outgoing)).toBe(false);
  });

  it.each([1, 3, 400])('of VIP traffic sort by MAC, with %i VIPs of each family', (count) => {
    const four = Array.from({ length: count }, (_, i) => kernelIp(`10.0.${i >> 8}.${i & 255}`));
    const six = Array.from({ length: Math.min(count, 300) }, (_, i) => kernelIp(`fd00::${(i + 1).toString(16)}`));
    const others = vipTrafficFilter([...four, ...six], [DIRECTOR, '02:00:00:00:00:03'], 'others');
    const these = vipTrafficFilter([...four, ...six], [DIRECTOR, '02:00:00:00:00:03'], 'these');
    expect(others.length / 8).toBeLessThan(4096); // BPF_MAXINSNS
    for (const vip of [four[0], four.at(-1), six[0], six.at(-1)]) {
      for (const [mac, known] of [
        [DIRECTOR, true],
        ['02:00:00:00:00:03', true],
        [STRANGER, false],
      ] as const) {
        const frame = packet(mac, String(vip));
        expect(accepts(these, frame, FRAME_KIND.host)).toBe(known);
        expect(accepts(others, frame, FRAME_KIND.host)).toBe(!known);
        expect(accepts(others, frame, FRAME_KIND.outgoing) || accepts(these, frame, FRAME_KIND.outgoing)).toBe(false);
      }
    }
    for (const other of ['10.9.9.9', 'fd01::1'])
      for (const mac of [DIRECTOR, STRANGER])
        for (const filter of [these, others]) expect(accepts(filter, packet(mac, other), FRAME_KIND.host)).toBe(false);
  });
});
