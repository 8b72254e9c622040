// The log of a program that must not wait for whoever reads it.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logEvent } from '../../../src/cli/commands/respond/log.ts';
import { makeLogQueue } from '../../../src/cli/log-queue.ts';
import { writeAtOnce } from '../../../src/linux/process/write-at-once.ts';

/** A reader who takes what he is given room for. */
function reader(): { room: number; read: string; write(bytes: Uint8Array): number } {
  return {
    room: 0,
    read: '',
    write(bytes) {
      const taken = Math.min(this.room, bytes.length);
      this.room -= taken;
      this.read += Buffer.from(bytes.subarray(0, taken)).toString('latin1');
      return taken;
    },
  };
}

it('what nobody reads waits up to a bound; what is lost beyond it is counted and said, in its place', () => {
  const slow = reader();
  const queue = makeLogQueue(
    (bytes) => slow.write(bytes),
    (lines) => queue.add(`${lines} lost\n`),
  );
  const line = `${'x'.repeat(99)}\n`;
  for (let i = 0; i < 5000; i++) queue.add(line);
  slow.room = 10;
  queue.flush();
  slow.room = Number.POSITIVE_INFINITY;
  queue.flush();
  const lines = slow.read.split('\n').filter(Boolean);
  const whole = lines.filter((text) => `${text}\n` === line).length;
  expect(whole).toBe(Math.floor((256 * 1024) / 100));
  expect(lines.at(-1)).toBe(`${5000 - whole} lost`);
  queue.add('again\n');
  expect(slow.read.endsWith('again\n')).toBe(true);
});

it('a full pipe is not waited for, and takes the rest once it is read', () => {
  const fifo = join(tmpdir(), `rsprep-log-${process.pid}`);
  execFileSync('mkfifo', [fifo]);
  const fd = openSync(fifo, 'r+'); // blocking, as a pipe from a parent is
  try {
    const bytes = Buffer.alloc(200_000, 'y');
    const done = writeAtOnce(fd, bytes);
    expect(done).toBeGreaterThanOrEqual(4096);
    expect(done).toBeLessThan(bytes.length);
    expect(writeAtOnce(fd, bytes.subarray(done))).toBe(0);
    readSync(fd, Buffer.alloc(16_384));
    expect(writeAtOnce(fd, bytes.subarray(done))).toBeGreaterThan(0);
  } finally {
    closeSync(fd);
    execFileSync('rm', [fifo]);
  }
});

it('what nobody will ever read is done with', () => {
  expect(writeAtOnce(1_000_000, Buffer.from('x\n'))).toBe(2); // EBADF
});

it('ten are named, the others counted', () => {
  const said: string[] = [];
  const say = (first: unknown, second?: string): number => said.push(second ?? String(first));
  const log = { info: say, warn: say, error: say } as never;
  const names = Array.from({ length: 1001 }, (_, i) => (i === 0 ? 'host' : `10.1.0.${i}`));
  logEvent(log, { kind: 'verdict', names, from: 'nothing', now: { verdict: 'vouched', speaks: true, reason: '' } });
  logEvent(log, {
    kind: 'verdict',
    names: ['host'],
    from: 'nothing',
    now: { verdict: 'vouched', speaks: true, reason: '' },
  });
  logEvent(log, {
    kind: 'verdict',
    names: ['host', 'a', 'b'],
    from: 'vouched',
    now: { verdict: 'drift', speaks: false, reason: 'gone' },
  });
  logEvent(log, { kind: 'note', texts: names });
  expect(said.slice(0, 3)).toEqual([
    'vouching for host, 10.1.0.1, 10.1.0.2, 10.1.0.3, 10.1.0.4, 10.1.0.5, 10.1.0.6, 10.1.0.7, 10.1.0.8, 10.1.0.9 and 991 more',
    'vouching for host',
    'not vouching for host: gone; nor for a and b',
  ]);
  expect(said).toHaveLength(14);
  expect(said.at(-1)).toContain('991 more');
});
