import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelIp } from '../../../src/core/model/names.ts';
import { arpRequest, parseArp } from '../../../src/probe/arp.ts';
import { inventedMac, isVrrpMac, macBytes, macText, parseMac } from '../../../src/probe/mac.ts';
import { linkLocalOf, parseAdvertisement, solicitation } from '../../../src/probe/ndp.ts';

const VIP = kernelIp('10.0.0.100');
const VIP6 = kernelIp('fd00::100');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('MAC addresses', () => {
  it.each([
    ['52:54:00:12:34:56', '52:54:00:12:34:56'],
    ['52-54-00-AB-cd-EF', '52:54:00:ab:cd:ef'],
    ['00:00:00:00:00:00', null],
    ['ff:ff:ff:ff:ff:ff', null],
    ['01:00:5e:00:00:01', null],
    ['52:54:00:12:34', null],
    ['10.0.0.1', null],
  ])('%s is %s', (typed, mac) => {
    expect(parseMac(typed)).toBe(mac);
  });

  it('are invented as unicast and locally administered, whatever the random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (random) => {
        const mac = inventedMac(random);
        expect((macBytes(mac)[0] ?? 0) & 3).toBe(2);
        expect(parseMac(mac)).toBe(mac);
        expect(macText(macBytes(mac))).toBe(mac);
      }),
    );
  });

  it('of VRRP are known', () => {
    expect([isVrrpMac('00:00:5e:00:01:0a'), isVrrpMac('00:00:5e:00:02:0a'), isVrrpMac('00:00:5e:00:03:0a')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('ARP', () => {
  it('asks as RFC 5227 does: broadcast, sender 0.0.0.0, target MAC zero', () => {
    const frame = arpRequest({ mac: '02:00:00:00:00:01', ip: '0.0.0.0' }, VIP);
    expect(frame.length).toBe(60);
    expect(hex(frame.subarray(0, 42))).toBe(
      ['ffffffffffff', '020000000001', '0806', '0001', '0800', '06', '04', '0001'].join('') +
        ['020000000001', '00000000', '000000000000', '0a000064'].join(''),
    );
    expect(parseArp(frame)).toEqual({
      operation: 'request',
      senderMac: '02:00:00:00:00:01',
      senderIp: '0.0.0.0',
      targetMac: '00:00:00:00:00:00',
      targetIp: VIP,
    });
  });

  it('is nothing else: never throws on any bytes, and takes no other protocol for it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        parseArp(bytes);
        parseAdvertisement(bytes);
      }),
    );
    const frame = arpRequest({ mac: '02:00:00:00:00:01', ip: '10.0.0.2' }, VIP);
    for (const at of [12, 13, 14, 15, 16, 18, 19, 20]) {
      const other = frame.slice();
      other[at] = 0x77;
      expect(parseArp(other)).toBeNull();
    }
  });
});

describe('neighbour discovery', () => {
  const question = { mac: '02:00:00:00:00:01', from: linkLocalOf('02:00:00:00:00:01'), target: VIP6 } as const;

  it('derives the link-local address of a MAC (RFC 4291, appendix A)', () => {
    expect(linkLocalOf('34:56:78:9a:bc:de')).toBe('fe80::3656:78ff:fe9a:bcde');
  });

  it('solicits the group of the target, by its Ethernet group or by one MAC', () => {
    const group = solicitation({ ...question, toMac: null, to: 'group' });
    expect(macText(group.subarray(0, 6))).toBe('33:33:ff:00:01:00');
    expect(hex(group.subarray(38, 54))).toBe('ff0200000000000000000001ff000100');
    const one = solicitation({ ...question, toMac: '52:54:00:00:00:01', to: 'target' });
    expect(macText(one.subarray(0, 6))).toBe('52:54:00:00:00:01');
    expect(hex(one.subarray(38, 54))).toBe('fd000000000000000000000000000100');
  });

  it('has a checksum that sums up to all ones (RFC 4443, RFC 1071)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (random) => {
        const mac = inventedMac(random);
        const frame = solicitation({ mac, from: linkLocalOf(mac), target: VIP6, toMac: null, to: 'group' });
        let sum = frame.length - 54 + 58;
        for (let at = 22; at < frame.length; at += 2) sum += ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        expect(sum).toBe(0xffff);
      }),
    );
  });
});
