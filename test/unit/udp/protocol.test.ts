import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  type Subject,
  subjectKey,
  toHex,
  VERDICTS,
  type Verdict,
  VOUCHED_PREFIX,
} from '../../../src/udp/protocol.ts';

/** Lone surrogates as U+FFFD, which is what UTF-8 makes of them. */
const wellFormed = (text: string): string => new TextDecoder().decode(new TextEncoder().encode(text));

const nonce = fc.uint8Array({ minLength: 8, maxLength: 8 });
const port = fc.integer({ min: 1, max: 65_535 });
const service = fc.record({ protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'sctp' as const), port });
const vip = fc.oneof(fc.ipV4(), fc.ipV6());
const subject: fc.Arbitrary<Subject> = fc.oneof(fc.constant({}), fc.record({ vip }), fc.record({ vip, service }));
const type = fc.constantFrom('vote' as const, 'status' as const);
const verdict = fc.constantFrom(...(Object.keys(VERDICTS) as Verdict[]));

describe('requests', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(type, nonce, subject, (kind, bytes, about) => {
        const request = decodeRequest(encodeRequest({ type: kind, nonce: bytes, subject: about }));
        expect(request?.type).toBe(kind);
        expect(request?.nonce).toEqual(bytes);
        expect(request && toHex(request.key)).toBe(toHex(subjectKey(about) ?? new Uint8Array()));
        expect(request?.subject.service).toEqual(about.service);
      }),
    );
  });

  it('are never parsed from a reply, whatever it says: no reply is ever answered', () => {
    fc.assert(
      fc.property(
        type,
        verdict,
        nonce,
        fc.string(),
        fc.integer({ min: 18, max: 255 }),
        (kind, said, bytes, text, length) => {
          expect(decodeRequest(encodeReply({ type: kind, verdict: said, nonce: bytes, text }, length))).toBeNull();
        },
      ),
    );
  });

  it('have nothing behind their subject but zeros, and no other version', () => {
    const whole = encodeRequest({ type: 'status', nonce: new Uint8Array(8), subject: { vip: '192.0.2.10' } });
    expect(decodeRequest(whole)?.subject).toEqual({ vip: '192.0.2.10' });
    for (const at of [0, 1, 2, 3, 4, 5, 14, 15, 16, 17, 22, 254]) {
      const bytes = whole.slice();
      bytes[at] = 77;
      expect(decodeRequest(bytes), `byte ${at}`).toBeNull();
    }
    expect(decodeRequest(new Uint8Array([...whole, 0]))).toBeNull();
  });

  it.each([
    [{ vip: 'nonsense' }, undefined],
    [{ service: { protocol: 'udp' as const, port: 53 } }, undefined],
    [{ vip: '2001:db8::1' }, 33],
    [{}, 256],
  ])('that are impossible are refused: %j, %s bytes', (about, length) => {
    const request = { type: 'vote' as const, nonce: new Uint8Array(8), subject: about };
    expect(() => encodeRequest(length === undefined ? request : { ...request, length })).toThrow(RangeError);
  });
});

describe('replies', () => {
  it('are never longer than the request, nor than 255 bytes, and end between characters', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 });
    fc.assert(
      fc.property(type, verdict, nonce, text, fc.integer({ min: 18, max: 255 }), (kind, said, bytes, words, length) => {
        const reply = encodeReply({ type: kind, verdict: said, nonce: bytes, text: words }, length);
        expect(reply.length).toBeLessThanOrEqual(length);
        const decoded = decodeReply(reply);
        expect(decoded).toMatchObject({ type: kind, verdict: said, nonce: bytes });
        if (kind === 'status') expect(wellFormed(words).startsWith(decoded?.text ?? '?')).toBe(true);
      }),
    );
  });

  it('never parse from noise of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const honest = bytes[0] === 0x52 && bytes[1] === 0x53 && bytes[2] === 0x50;
        if (!honest) expect([decodeReply(bytes), decodeRequest(bytes)]).toEqual([null, null]);
      }),
    );
  });
});

it('the bytes on the wire, as docs/wire-protocol.md shows them', () => {
  const zero = new Uint8Array(8);
  expect(toHex(encodeRequest({ type: 'vote', nonce: zero, subject: {} }))).toBe('525350010100000000000000000000000000');
  const service = { protocol: 'udp' as const, port: 53 };
  expect(toHex(encodeRequest({ type: 'vote', nonce: zero, subject: { vip: '192.0.2.10', service } }))).toBe(
    '525350010100000000000000000004110035c000020a',
  );
  expect(toHex(VOUCHED_PREFIX)).toBe('525350018101');
  expect(toHex(encodeReply({ type: 'vote', verdict: 'vouched', nonce: zero, text: 'unsaid' }, 18))).toBe(
    '5253500181010000000000000000',
  );
});
