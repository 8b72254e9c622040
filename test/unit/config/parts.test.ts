import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { parseHostAddress, parseVip } from '../../../src/config/address.ts';
import {
  parseDay,
  parseDevice,
  parseDuration,
  parseFindingGlob,
  parseReason,
  parseTextfile,
} from '../../../src/config/fields.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { quote } from '../../../src/config/quote.ts';
import { resolvePlain } from '../../../src/config/resolve-plain.ts';
import { parseHex, parseService } from '../../../src/config/service.ts';
import { suggest } from '../../../src/config/suggest.ts';
import { formatDuration } from '../../../src/core/duration.ts';

// Generous: the machine may be busy with the tests that need a kernel.
vi.setConfig({ testTimeout: 30_000 });

const ANY = { minMs: 0, maxMs: Number.MAX_SAFE_INTEGER };

describe('durations', () => {
  it('are read as they are written', () => {
    const property = fc.property(fc.nat(999_999_999), (durationMs) => {
      expect(parseDuration(formatDuration(durationMs), ANY)).toEqual({ kind: 'ok', value: durationMs });
    });
    fc.assert(property);
  });

  it.each([
    ['500ms', 500],
    ['1s', 1_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (text, durationMs) => {
    expect(parseDuration(text, ANY)).toEqual({ kind: 'ok', value: durationMs });
  });
});

describe('days', () => {
  it('are those of the calendar', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 0, max: 32 }),
      (y, m, d) => {
        const text = [String(y).padStart(4, '0'), String(m).padStart(2, '0'), String(d).padStart(2, '0')].join('-');
        const date = new Date(`${text}T00:00:00Z`);
        const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
        expect(parseDay(text).kind).toBe(exists ? 'ok' : 'problem');
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });
});

describe('devices', () => {
  it.each(['lo', 'eth0.100', 'dummy-vip', 'br_x', 'a'.repeat(15)])('may be called %s', (name) => {
    expect(parseDevice(name)).toEqual({ kind: 'ok', value: name });
  });
});

describe('plain scalars', () => {
  it('mean what YAML 1.2 says, or nothing', () => {
    const words = fc.constantFrom(
      'true',
      'True',
      'TRUE',
      'tRue',
      'yes',
      'null',
      '~',
      'Null',
      'nul',
      '.inf',
      '-.inf',
      '.nan',
      '.NaN',
      'inf',
      '0o17',
      '0x1F',
      '1_000',
      '12:30',
      '2027-01-31',
    );
    const numbers = fc.string({ unit: fc.constantFrom(...'0123456789.eE+-x'), minLength: 1, maxLength: 6 });
    const property = fc.property(fc.oneof(words, numbers), (text) => {
      if (/^[-?](\s|$)/.test(text)) return;
      // As a value: at the beginning of a line --- and ... are marks.
      const theirs: unknown = (parse(`a: ${text}`, { schema: 'core' }) as { a: unknown }).a;
      const ours = resolvePlain(text);
      if (typeof ours === 'number' && Number.isNaN(ours)) expect(typeof theirs).toBe('number');
      else expect(ours).toBe(theirs);
    });
    fc.assert(property, { numRuns: 5_000 });
  });
});

describe('every parser of a text', () => {
  const parsers = {
    ...{
      parseVip,
      parseHostAddress,
      parseDevice,
      parseDay,
      parseFindingGlob,
      parseReason,
      parseTextfile,
      parseService,
    },
    parseDuration: (text: string) => parseDuration(text, { minMs: 100, maxMs: 1_000 }),
    parseHex: (text: string) => parseHex(text, 1),
  };
  const beginnings = [
    '',
    ' ',
    '192.0.2.10',
    '2001:db8::1',
    'lo:',
    'tcp/',
    '53/',
    '0x',
    '5',
    '2027-01-31T',
    '/a/../',
    '[',
    'a:',
  ];
  const pieces = fc.tuple(
    fc.constantFrom(...beginnings),
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom('', '/32', '%x', ']:1', ' ', '.prom', 'x'.repeat(5_000)),
  );

  it.each(Object.entries(parsers))('%s gives a value, or a problem of one printable line', (_, parse) => {
    const property = fc.property(pieces, (piece) => {
      const result = parse(piece.join(''));
      if (result.kind === 'ok') return;
      expect(formatProblem(result)).toMatch(/^[\x20-\x7e…]{20,1500}$/);
      for (const part of [result.message, result.expected, result.hint]) expect(part).not.toBe('');
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('suggestions', () => {
  const keys = ['version', 'vips', 'rip', 'directors', 'role', 'persist', 'responder', 'report', 'unknownGrace'];
  it.each([
    ['vip', 'vips'],
    ['Vips', 'vips'],
    ['vpis', 'vips'],
    ['persits', 'persist'],
    ['unknown_grace', 'unknownGrace'],
    ['unknown-grace', 'unknownGrace'],
    ['reponder', 'responder'],
    ['reprot', 'report'],
    ['director', 'directors'],
  ])('%s was meant to be %s', (typed, meant) => {
    expect(suggest(typed, keys)).toBe(meant);
  });
  it.each(['sysctl', 'x', '', 'arp', 'a'.repeat(10_000)])('%s was meant to be none', (typed) => {
    expect(suggest(typed, keys)).toBeNull();
  });
});

describe('quoted text', () => {
  it('is printable ASCII, and says what was there', () => {
    const property = fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (text) => {
      const quoted = quote(text);
      expect(quoted).toMatch(/^"[\x20-\x7e]*"$/);
      expect(JSON.parse(quoted)).toBe(text);
    });
    fc.assert(property);
    expect(quote('x'.repeat(1_000)).length).toBeLessThan(100);
  });
});
