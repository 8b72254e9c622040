/**
 * Who may ask, decided by the kernel before a datagram is queued (SO_ATTACH_FILTER, Documentation/networking/filter.rst): a flood of
 * strangers then costs neither room in the receive buffer nor a wake-up. The guard in C says the same once more.
 */

import type { Handle, Native } from './native.ts';

/** One instruction of classic BPF, struct sock_filter (include/uapi/linux/filter.h). */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Opcodes (include/uapi/linux/bpf_common.h). */
export const BPF = { loadWord: 0x20, and: 0x54, jumpIfEqual: 0x15, jump: 0x05, return: 0x06 } as const;
/** Loads from here on are of the network header; the ethertype is ancillary data (SKF_NET_OFF, SKF_AD_OFF + SKF_AD_PROTOCOL). */
export const AT = { networkHeader: 0xfff00000, protocol: 0xfffff000, source4: 12, source6: 8 } as const;
export const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const;

/** BPF_MAXINSNS. */
const MOST = 4096;

/**
 * Attaches it. Best effort: where the kernel has no room for it (net.core.optmem_max) the guard in C decides alone.
 * @param adopted somebody else has opened the socket: what came before is thrown away, and nothing comes in meanwhile
 */
export function attachFilter(native: Native, handle: Handle, allow: Uint8Array, adopted: boolean): void {
  if (adopted) {
    native.filter(handle, encodeFilter([DROP]));
    native.discard(handle);
  }
  const program = allowFilter(allow);
  const status = program === null ? -1 : native.filter(handle, encodeFilter(program));
  if (status < 0) native.filter(handle, new Uint8Array()); // takes away the one that lets nothing in
}

const load = (k: number): Instruction => ({ code: BPF.loadWord, jt: 0, jf: 0, k });
const give = (k: number): Instruction => ({ code: BPF.return, jt: 0, jf: 0, k });
const ACCEPT = give(0xffffffff);
const DROP = give(0);

/**
 * @param allow 17 bytes an entry, as the addon takes them: the prefix length of the 128-bit form, and that
 * @returns null where the kernel would not take that many entries
 */
export function allowFilter(allow: Uint8Array): readonly Instruction[] | null {
  const entries = Array.from({ length: allow.length / 17 }, (_, i) => allow.subarray(17 * i, 17 * i + 17));
  const rules4 = entries.flatMap(rule4);
  const rules6 = entries.flatMap(rule6);
  const program = [
    load(AT.protocol),
    { code: BPF.jumpIfEqual, jt: 1, jf: 0, k: ETHERTYPE.ipv4 },
    { code: BPF.jump, jt: 0, jf: 0, k: rules4.length + 1 },
    ...rules4,
    DROP,
    { code: BPF.jumpIfEqual, jt: 1, jf: 0, k: ETHERTYPE.ipv6 },
    DROP,
    ...rules6,
    DROP,
  ];
  return program.length > MOST ? null : program;
}

/** struct sock_filter, little-endian: code, jt, jf, k. */
export function encodeFilter(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * program.length);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, jt);
    view.setUint8(8 * i + 3, jf);
    view.setUint32(8 * i + 4, k, true);
  });
  return bytes;
}

/** An IPv4 source: an entry of ::ffff:0:0/96, or one that is wider and has that in it. */
function rule4(entry: Uint8Array): readonly Instruction[] {
  const [bits = 0] = entry;
  const prefix = entry.subarray(1);
  const within = Math.min(bits, 96);
  if (!agree(prefix, MAPPED, within)) return [];
  return matchWord(AT.source4, wordAt(prefix, 12), bits - 96, [ACCEPT]);
}

function rule6(entry: Uint8Array): readonly Instruction[] {
  const [bits = 0] = entry;
  const prefix = entry.subarray(1);
  if (bits >= 96 && agree(prefix, MAPPED, 96)) return []; // IPv4 alone
  return [3, 2, 1, 0].reduce<readonly Instruction[]>(
    (rest, i) => matchWord(AT.source6 + 4 * i, wordAt(prefix, 4 * i), bits - 32 * i, rest),
    [ACCEPT],
  );
}

/** `then` where the first `bits` of a word of the network header are those of `wanted`; else on behind `then`. */
function matchWord(offset: number, wanted: number, bits: number, then: readonly Instruction[]): readonly Instruction[] {
  if (bits <= 0) return then;
  const mask = bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
  return [
    load(AT.networkHeader + offset),
    ...(bits >= 32 ? [] : [{ code: BPF.and, jt: 0, jf: 0, k: mask }]),
    { code: BPF.jumpIfEqual, jt: 0, jf: then.length, k: (wanted & mask) >>> 0 },
    ...then,
  ];
}

const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0);

const wordAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;

/** Whether two addresses have the same first bits. */
const agree = (left: Uint8Array, right: Uint8Array, bits: number): boolean =>
  left.every((byte, i) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff;
    return (byte & mask) === ((right[i] ?? 0) & mask);
  });
