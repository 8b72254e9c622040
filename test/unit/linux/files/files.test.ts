// What is read is a file of a bounded size: nothing that somebody puts in its place makes rsprep wait, or fills its memory.
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBytes, readText } from '../../../../src/linux/files/files.ts';
import { roots } from './support.ts';

const { root } = roots().fresh();
const at = (name: string): string => join(root, name);

describe('a text file', () => {
  it('is read whole, whatever its size: also what has none, as in /proc', () => {
    for (const length of [0, 1, 4095, 4096, 16_384, 100_000]) {
      writeFileSync(at('text'), 'ä'.repeat(length));
      expect(readText(at('text'))).toEqual({ kind: 'value', value: 'ä'.repeat(length) });
    }
    expect(readText('/proc/self/status')).toMatchObject({ kind: 'value', value: expect.stringMatching(/^Name:/) });
    // A list that is longer than what is asked for at first.
    expect(readText('/proc/kallsyms', { mostBytes: 100 << 20 })).toMatchObject({ kind: 'value' });
  });

  it('is absent only where nothing is', () => {
    expect(readText(at('nothing'))).toEqual({ kind: 'absent' });
    expect(readText(at('no/thing'))).toEqual({ kind: 'absent' });
  });

  it('is empty where it is a link to /dev/null, which hides others of its name', () => {
    symlinkSync('/dev/null', at('masked'));
    expect(readText(at('masked'))).toEqual({ kind: 'value', value: '' });
  });

  it.each([
    ['a pipe', 'pipe', () => spawnSync('mkfifo', [at('pipe')]), 'it is a pipe, not a file'],
    ['a folder', 'folder', () => mkdirSync(at('folder')), 'it is a folder, not a file'],
    ['a device that never ends', 'zero', () => symlinkSync('/dev/zero', at('zero')), 'it is a device, not a file'],
    ['10 GB', 'large', () => sparse('large', 10e9), 'it is larger than 4 MiB'],
    ['a byte too many', 'larger', () => sparse('larger', (4 << 20) + 1), 'it is larger than 4 MiB'],
  ])('is not read where it is %s', (_name, name, make, said) => {
    make();
    expect(readText(at(name))).toMatchObject({
      kind: 'unreadable',
      cause: 'io',
      reason: expect.stringContaining(said),
    });
  });

  it('is not read where it is a socket: that is not "absent"', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
    expect(readText(at('socket'))).toMatchObject({ kind: 'unreadable', reason: expect.stringContaining('a socket') });
    await new Promise((resolve) => server.close(resolve));
  });

  it('has the size that its kind may have', () => {
    writeFileSync(at('sized'), Buffer.alloc(1 << 20));
    expect(readBytes(at('sized'), { mostBytes: 1 << 20 })).toMatchObject({ kind: 'value' });
    writeFileSync(at('sized'), Buffer.alloc((1 << 20) + 1));
    expect(readBytes(at('sized'), { mostBytes: 1 << 20 })).toMatchObject({ kind: 'unreadable' });
  });

  it('is not read through a link where another user may make one', () => {
    writeFileSync(at('secret'), 'root only');
    symlinkSync('secret', at('link'));
    expect(readText(at('link'))).toEqual({ kind: 'value', value: 'root only' });
    expect(readText(at('link'), { noLink: true })).toMatchObject({
      kind: 'unreadable',
      reason: expect.stringContaining('it is a link that is not followed'),
    });
  });
});

function sparse(name: string, bytes: number): void {
  writeFileSync(at(name), '');
  truncateSync(at(name), bytes);
}
