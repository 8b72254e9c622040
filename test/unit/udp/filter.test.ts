// The kernel's filter of who may ask: run here as the kernel runs it, against the rule in words.
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/udp/address.ts';
import { AT, allowFilter, BPF, ETHERTYPE, encodeFilter, type Instruction } from '../../../src/udp/filter.ts';
import { nativeOptions } from '../../../src/udp/options.ts';
import { pickSeed, seeded } from '../../support/random.ts';

const programOf = (allow: readonly string[]): readonly Instruction[] => {
  const program = allowFilter(nativeOptions({ type: 'udp6', allow }).allow);
  if (program === null) throw new Error('too long');
  return program;
};

/** Classic BPF (bpf_check_classic() refuses what jumps out of the program, or does not end in a return). */
function lets(program: readonly Instruction[], source: string): boolean {
  const address = bytesOf(source) ?? new Uint8Array(16);
  const isV4 = !source.includes(':');
  const word = (k: number): number => {
    if (k === AT.protocol) return isV4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6;
    const offset = k - AT.networkHeader;
    const at = isV4 ? 12 + offset - AT.source4 : offset - AT.source6;
    if (at < 0 || at > 12) throw new Error(`reads ${offset} of the network header`);
    return new DataView(address.buffer, address.byteOffset).getUint32(at);
  };
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const { code, jt, jf, k } = program[at] ?? { code: -1, jt: 0, jf: 0, k: 0 };
    if (jt > 255 || jf > 255) throw new Error('a jump of more than a byte');
    if (code === BPF.return) return k !== 0;
    if (code === BPF.loadWord) accumulator = word(k);
    else if (code === BPF.and) accumulator = (accumulator & k) >>> 0;
    else if (code === BPF.jump) at += k;
    else if (code === BPF.jumpIfEqual) at += accumulator === k ? jt : jf;
    else throw new Error(`no instruction at ${at}: ${code}`);
  }
}

describe('lets in', () => {
  const cases: readonly (readonly [allow: readonly string[], yes: readonly string[], no: readonly string[]])[] = [
    [['10.0.0.2'], ['10.0.0.2'], ['10.0.0.3', '::ffff:10.0.0.2', 'fd00::2', '2.0.0.10', '127.0.0.1']],
    [
      ['10.0.0.0/24', 'fd00::2'],
      ['10.0.0.0', '10.0.0.255', 'fd00::2'],
      ['10.0.1.0', 'fd00::3', 'fd01::2'],
    ],
    [
      ['10.0.0.0/7', '2001:db8::/33'],
      ['11.255.0.1', '2001:db8:7fff::1'],
      ['12.0.0.1', '2001:db8:8000::1'],
    ],
    [['0.0.0.0/0'], ['1.2.3.4'], ['fd00::1']],
    [['::/0'], ['fd00::1', '1.2.3.4'], []],
    [
      ['fd00::/64', '::1'],
      ['fd00::ffff', '::1'],
      ['fd00:0:0:1::1', '::', '::2'],
    ],
    [[], [], ['10.0.0.2', 'fd00::2']],
  ];
  it.each(cases)('%j', (allow, yes, no) => {
    const program = programOf(allow);
    expect(yes.filter((source) => !lets(program, source))).toEqual([]);
    expect(no.filter((source) => lets(program, source))).toEqual([]);
  });

  it('of the most entries that there can be, each', () => {
    for (const make of [(i: number) => `10.${i}.0.0/15`, (i: number) => `fd00:0:0:0:0:0:${i.toString(16)}:0/111`]) {
      const allow = Array.from({ length: 128 }, (_, i) => make(2 * i));
      const program = programOf(allow);
      expect(program.length).toBeLessThanOrEqual(4096);
      expect(lets(program, '10.255.1.1')).toBe(make(0).startsWith('10.'));
      expect(lets(program, 'fd00::ff:1')).toBe(make(0).startsWith('fd'));
    }
  });

  it('what 128-bit prefixes say, whatever they are', () => {
    const seed = pickSeed();
    const random = seeded(seed);
    const int = (below: number): number => Math.floor(random() * below);
    const bits = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    for (let i = 0; i < 2000; i++) {
      const source = int(2) === 0 ? `10.0.${int(4)}.${int(4)}` : `fd00::${int(4)}:${int(4)}`;
      const near = int(2) === 0 ? `10.0.${int(4)}.${int(4)}` : `fd00::${int(4)}:${int(4)}`;
      const length = int(near.includes(':') ? 129 : 33);
      const [left, right] = [bits(bytesOf(source) ?? new Uint8Array()), bits(bytesOf(near) ?? new Uint8Array())];
      const within = near.includes(':') ? length : 96 + length;
      const expected = left.slice(0, within) === right.slice(0, within);
      expect(lets(programOf([`${near}/${length}`]), source), `seed ${seed}: ${near}/${length} and ${source}`).toBe(
        expected,
      );
    }
  });
});

it('is encoded as struct sock_filter', () => {
  expect([...encodeFilter([{ code: 0x15, jt: 1, jf: 2, k: 0x86dd }])]).toEqual([0x15, 0, 1, 2, 0xdd, 0x86, 0, 0]);
});
