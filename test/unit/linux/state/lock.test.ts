// The lock: nobody else can open it, and so hold it; what stands in its place is not followed; the file that was locked is the one others open.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LockResult } from '../../../../src/app/ports/host.ts';
import { Paths } from '../../../../src/linux/files/paths.ts';
import { acquireLock } from '../../../../src/linux/state/lock.ts';

let root = '';
let path = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rsprep-lock-'));
  path = join(root, 'run/rsprep/lock');
});
afterEach(() => rmSync(root, { recursive: true }));

const acquire = (timeoutMs = 0): Promise<LockResult> => acquireLock(new Paths(root), timeoutMs, 'apply', new Date(0));
const modeOf = (file: string): number => statSync(file).mode & 0o7777;

/** A file of an older version: in a folder that all may enter, and all may open it. */
function makeLoose(): void {
  mkdirSync(dirname(path), { recursive: true });
  chmodSync(dirname(path), 0o755);
  writeFileSync(path, '');
  chmodSync(path, 0o644);
}

function held(result: LockResult): Extract<LockResult, { kind: 'held' }> {
  if (result.kind !== 'held') throw new Error(JSON.stringify(result));
  return result;
}

it('is for its owner alone', async () => {
  const lock = held(await acquire());
  expect([modeOf(dirname(path)), modeOf(path)]).toEqual([0o700, 0o600]);
  expect(readFileSync(path, 'utf8')).toContain('"command":"apply"');
  expect(await acquire()).toMatchObject({ kind: 'busy', by: expect.stringContaining('`rsprep apply`') });
  lock.release();
  held(await acquire()).release();
});

it('below a root that is not there yet makes that root', async () => {
  const fresh = join(root, 'not/yet');
  const lock = await acquireLock(new Paths(fresh), 0, 'apply', new Date(0));
  expect([lock.kind, modeOf(join(fresh, 'run/rsprep')), modeOf(join(fresh, 'run/rsprep/lock'))]).toEqual([
    'held',
    0o700,
    0o600,
  ]);
  if (lock.kind === 'held') lock.release();
});

it('a loose one is replaced: who has it open already can hold nothing with it', async () => {
  makeLoose();
  const before = statSync(path).ino;
  const lock = held(await acquire());
  expect([modeOf(dirname(path)), modeOf(path)]).toEqual([0o700, 0o600]);
  expect(statSync(path).ino).not.toBe(before);
  expect(fstatSync(lock.fd).ino).toBe(statSync(path).ino);
  expect(await acquire()).toMatchObject({ kind: 'busy' });
  lock.release();
});

it('one that is replaced while it is waited for is not taken for the lock', async () => {
  const first = held(await acquire());
  const waits = acquire(30_000);
  const inode = statSync(path).ino;
  while (!new RegExp(`-> FLOCK .*:${inode} `).test(readFileSync('/proc/locks', 'utf8')))
    await new Promise((resolve) => setTimeout(resolve, 10));
  unlinkSync(path);
  first.release();
  const second = held(await waits);
  expect(fstatSync(second.fd).ino).toBe(statSync(path).ino);
  expect(await acquire()).toMatchObject({ kind: 'busy' });
  second.release();
});

it.each(['link', 'hard link', 'fifo', 'folder'])(
  'a %s in its place is refused, and nothing is written',
  async (what) => {
    const victim = join(root, 'victim');
    writeFileSync(victim, 'precious');
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (what === 'link') symlinkSync(victim, path);
    if (what === 'hard link') linkSync(victim, path);
    if (what === 'fifo') execFileSync('mkfifo', [path]);
    if (what === 'folder') mkdirSync(path);
    const result = await acquire();
    expect(result).toMatchObject({
      kind: 'failed',
      failure: { kind: 'failed', message: expect.stringContaining(path) },
    });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  },
);

it('a link in place of its folder is refused', async () => {
  mkdirSync(join(root, 'elsewhere'), { mode: 0o755 });
  mkdirSync(join(root, 'run'));
  symlinkSync(join(root, 'elsewhere'), join(root, 'run/rsprep'));
  expect(await acquire()).toMatchObject({
    kind: 'failed',
    failure: { message: expect.stringContaining('run/rsprep') },
  });
  expect(modeOf(join(root, 'elsewhere'))).toBe(0o755);
});

it('a folder above it in which others may write is refused: they could put a lock of their own there', async () => {
  mkdirSync(join(root, 'run'));
  chmodSync(join(root, 'run'), 0o777);
  expect(await acquire()).toMatchObject({ kind: 'failed', failure: { message: expect.stringContaining('mode 0777') } });
  chmodSync(join(root, 'run'), 0o1777);
  held(await acquire()).release();
});
