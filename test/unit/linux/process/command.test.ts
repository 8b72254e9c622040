// Programs that change the host: every way in which one ends, or does not even begin, is a value.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { change } from '../../../../src/linux/process/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'rsprep-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const plain = { timeoutMs: 20_000, lockFd: null };
const sh = (script: string, more: object = {}) => change(['sh', '-c', script], { ...plain, ...more });

describe('change', () => {
  it('gives input, and takes both outputs', async () => {
    expect(await sh('cat; echo said >&2', { input: 'asked' })).toEqual({
      kind: 'ok',
      stdout: 'asked',
      stderr: 'said\n',
    });
  });

  it('tells a failure, a signal, a time limit and a program that is not there apart', async () => {
    expect(await sh('echo no >&2; exit 3')).toEqual({ kind: 'failed', status: 3, stdout: '', stderr: 'no\n' });
    expect(await sh('kill -9 $$')).toEqual({ kind: 'broken', program: 'sh', reason: 'it was killed by SIGKILL' });
    expect(await sh('exec sleep 100', { timeoutMs: 100 })).toEqual({ kind: 'timeout', program: 'sh', timeoutMs: 100 });
    expect(await change(['no-such-program'], plain)).toEqual({ kind: 'missing', program: 'no-such-program' });
  });

  it('judges by its exit status what ends before it has read its input', async () => {
    expect(await sh('exec true', { input: 'x'.repeat(1 << 20) })).toMatchObject({ kind: 'ok' });
  });

  it('says why a program cannot be started', async () => {
    const file = join(folder, 'program');
    writeFileSync(file, '', { mode: 0o644 });
    const reason = 'it cannot be started: permission denied (EACCES)';
    expect(await change([file], plain)).toEqual({ kind: 'broken', program: file, reason });
  });

  it('says so where no descriptor is left', () => {
    // In a process of its own: this one needs some.
    const script = `import { closeSync, openSync } from 'node:fs';
import { change } from './src/linux/process/command.ts';
const plain = { timeoutMs: 20_000, lockFd: null };
await change(['true'], plain);
const open = [];
try { for (;;) open.push(openSync('/dev/null')); } catch (error) { if (error.code !== 'EMFILE') throw error; }
const result = await change(['true'], plain);
for (const fd of open) closeSync(fd);
console.log(JSON.stringify(result));`;
    const outfile = join(folder, 'descriptors.mjs');
    const stdin = { contents: script, resolveDir: process.cwd(), loader: 'ts' } as const;
    buildSync({ stdin, bundle: true, platform: 'node', format: 'esm', outfile });
    const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 64; exec node "$0"', outfile], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const reason = 'it cannot be started: this process may open no more files (ulimit -n) (EMFILE)';
    expect(JSON.parse(stdout)).toEqual({ kind: 'broken', program: 'true', reason });
  });
});
