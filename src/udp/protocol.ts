import { bytesOf } from './address.ts';

/** The health protocol, docs/wire-protocol.md; src/native/udp/wire.c is the same in C. */
export const WIRE = { version: 1, replyHeader: 14, requestMin: 18, max: 255 } as const;

const MAGIC = [0x52, 0x53, 0x50] as const; // "RSP"
const TYPES = { vote: 0x01, status: 0x02 } as const;
const REPLY_BIT = 0x80;
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

export type RequestType = keyof typeof TYPES;
export type Protocol = keyof typeof PROTOCOLS;

/** The sixth byte of a reply. In a vote only `vouched` means: send me traffic. */
export const VERDICTS = { vouched: 1, drift: 2, draining: 3, 'not-offered': 4, 'cannot-tell': 5, stale: 6 } as const;
export type Verdict = keyof typeof VERDICTS;

/** What is asked about: the host, a VIP, or a service of a VIP. */
export interface Subject {
  readonly vip?: string;
  readonly service?: { readonly protocol: Protocol; readonly port: number };
}

export interface Request {
  readonly type: RequestType;
  /** Eight bytes that come back in the reply; zeros in a fixed payload. */
  readonly nonce: Uint8Array;
  readonly subject: Subject;
  /** Length to pad to with zeros, 18 to 255 bytes: a reply is never longer. Default: a vote as short as it can be, a status 255. */
  readonly length?: number;
}

export interface Reply {
  readonly type: RequestType;
  readonly verdict: Verdict;
  readonly nonce: Uint8Array;
  /** One line for people; empty in a vote. */
  readonly text: string;
}

/** Family, protocol, port and address: 20 bytes, how answers are found and sorted. Null when the VIP is no address. */
export function subjectKey(subject: Subject): Uint8Array | null {
  const key = new Uint8Array(20);
  if (subject.vip === undefined) return subject.service === undefined ? key : null;
  const address = bytesOf(subject.vip);
  if (address === null) return null;
  const four = !subject.vip.includes(':');
  key[0] = four ? 4 : 6;
  key.set(four ? address.subarray(12) : address, 4);
  if (subject.service !== undefined) {
    key[1] = PROTOCOLS[subject.service.protocol];
    new DataView(key.buffer).setUint16(2, subject.service.port);
  }
  return key;
}

/** @throws RangeError when the subject or the length is impossible */
export function encodeRequest(request: Request): Uint8Array {
  const key = subjectKey(request.subject);
  if (key === null || request.nonce.length !== 8) {
    throw new RangeError('expected a VIP as an IP address (a service needs one) and a nonce of 8 bytes');
  }
  const least = 18 + (key[0] === 4 ? 4 : key[0] === 6 ? 16 : 0);
  const length = request.length ?? (request.type === 'status' ? WIRE.max : least);
  if (length < least || length > WIRE.max) {
    throw new RangeError(`a request for this subject has ${least} to ${WIRE.max} bytes, received ${length}`);
  }
  const bytes = new Uint8Array(length);
  bytes.set([...MAGIC, WIRE.version, TYPES[request.type], 0]);
  bytes.set(request.nonce, 6);
  bytes.set(key.subarray(0, least - 14), 14);
  return bytes;
}

/** Null for anything that is not exactly a request of this version: such bytes are never answered. */
export function decodeRequest(bytes: Uint8Array): (Request & { readonly key: Uint8Array }) | null {
  if (bytes.length < WIRE.requestMin || bytes.length > WIRE.max || !hasMagic(bytes) || bytes[5] !== 0) return null;
  const type = typeOf(bytes[4] ?? 0);
  const [family = 0, protocol = 0, high = 0, low = 0] = bytes.subarray(14, 18);
  const port = high * 256 + low;
  const end = family === 4 ? 22 : family === 6 ? 34 : 18;
  const name = protocolName(protocol);
  if (type === null || ![0, 4, 6].includes(family) || bytes.length < end) return null;
  if (name === null || (protocol === 0) !== (port === 0) || (family === 0 && protocol !== 0)) return null;
  if (bytes.subarray(end).some((byte) => byte !== 0)) return null;
  const key = new Uint8Array(20);
  key.set(bytes.subarray(14, end));
  const subject: Subject = {
    ...(family === 0 ? {} : { vip: addressText(key.subarray(4, end - 14)) }),
    ...(name === 'none' ? {} : { service: { protocol: name, port } }),
  };
  return { type, nonce: bytes.slice(6, 14), subject, length: bytes.length, key };
}

/** At most as long as the request it answers, and at most 255 bytes; the text is cut between characters. */
export function encodeReply(reply: Reply, requestLength: number): Uint8Array {
  const limit = Math.min(requestLength, WIRE.max);
  const text =
    reply.type === 'status' ? cut(new TextEncoder().encode(reply.text), limit - WIRE.replyHeader) : new Uint8Array();
  const bytes = new Uint8Array(WIRE.replyHeader + text.length);
  bytes.set([...MAGIC, WIRE.version, TYPES[reply.type] | REPLY_BIT, VERDICTS[reply.verdict]]);
  bytes.set(reply.nonce, 6);
  bytes.set(text, WIRE.replyHeader);
  return bytes;
}

/** Null for anything that is not a reply of this version. */
export function decodeReply(bytes: Uint8Array): Reply | null {
  if (bytes.length < WIRE.replyHeader || bytes.length > WIRE.max || !hasMagic(bytes)) return null;
  const byte = bytes[4] ?? 0;
  const type = (byte & REPLY_BIT) === 0 ? null : typeOf(byte & ~REPLY_BIT);
  const verdict = (Object.keys(VERDICTS) as Verdict[]).find((name) => VERDICTS[name] === bytes[5]);
  if (type === null || verdict === undefined || (type === 'vote' && bytes.length !== WIRE.replyHeader)) return null;
  return {
    type,
    verdict,
    nonce: bytes.slice(6, 14),
    text: new TextDecoder().decode(bytes.subarray(WIRE.replyHeader)),
  };
}

/** The bytes that a vouched vote starts with, whatever the nonce: what keepalived's require_reply compares. */
export const VOUCHED_PREFIX = Uint8Array.of(...MAGIC, WIRE.version, TYPES.vote | REPLY_BIT, VERDICTS.vouched);

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const hasMagic = (bytes: Uint8Array): boolean =>
  MAGIC.every((byte, index) => bytes[index] === byte) && bytes[3] === WIRE.version;

const typeOf = (byte: number): RequestType | null => (byte === 1 ? 'vote' : byte === 2 ? 'status' : null);

function protocolName(byte: number): Protocol | 'none' | null {
  if (byte === 0) return 'none';
  return (Object.keys(PROTOCOLS) as Protocol[]).find((name) => PROTOCOLS[name] === byte) ?? null;
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return groups.join(':');
}

function cut(text: Uint8Array, room: number): Uint8Array {
  if (text.length <= room) return text;
  let end = room;
  while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}
