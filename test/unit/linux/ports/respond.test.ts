// An unprivileged user writes what the responder counted; root reads it for its metrics.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Paths } from '../../../../src/linux/files/paths.ts';
import { readResponderCounters } from '../../../../src/linux/ports/respond.ts';
import { roots } from '../files/support.ts';

const { root } = roots().fresh();
const paths = new Paths(root);
const file = join(root, 'run/rsprep-responder/state.json');
const at = '2026-01-01T00:00:00.000Z';

beforeEach(() => {
  rmSync(dirname(file), { recursive: true, force: true });
  mkdirSync(dirname(file), { recursive: true });
});

describe('the responder’s counters', () => {
  it('are those that we know, and numbers', () => {
    const stats = { received: 5, sent: -1, votes: 1.5, silent: '7', expired: 1e300, limited: null, denied: 0 };
    const others = { 'x"} 1\nrsprep_in_sync 1\n': 1, '\u001b[31m': 2, constructor: 3 };
    writeFileSync(file, JSON.stringify({ format: 1, at, stats: { ...stats, ...others } }));
    expect(readResponderCounters(paths)).toEqual({ atMs: Date.parse(at), stats: { received: 5, denied: 0 } });
  });

  it.each([
    '{"format":1,"at":"2099-01-01T00:00:00Z","stats":5}',
    '{"format":1,"at":"2099-01-01T00:00:00Z"}',
    '{"format":1,"at":5,"stats":{"received":1}}',
    '{"format":1,"at":"yesterday","stats":{"received":1}}',
    `{"format":2,"at":"${at}","stats":{"received":1}}`,
    `{"format":1,"at":"${at}","stats":[1,2]}`,
    '[]',
    'null',
    '{',
  ])('are none where the file says %s', (text) => {
    writeFileSync(file, text);
    expect(readResponderCounters(paths)).toBeNull();
  });

  it('are not read through a link', () => {
    writeFileSync(join(root, 'other'), JSON.stringify({ format: 1, at, stats: { received: 5 } }));
    symlinkSync(join(root, 'other'), file);
    expect(readResponderCounters(paths)).toBeNull();
    rmSync(file);
    symlinkSync('/dev/zero', file);
    expect(readResponderCounters(paths)).toBeNull();
  });
});
