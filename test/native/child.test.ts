// What the child of src/native/child does before it has become another program, held there by strace(1).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, expect, it } from 'vitest';
import { run } from '../support/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'rsprep-native-child-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts `true` through the addon, and prints how many SIGINT it has counted by then and how the child ended. */
const PROGRAM = `
  const native = require(process.argv[2]);
  let signals = 0;
  process.on('SIGINT', () => signals++);
  setTimeout(() => {
    const child = new Int32Array(4);
    const started = native.childStart(Buffer.from('/bin/true\\0true\\0A=B\\0'), Int32Array.of(1, 1, 1), child);
    const result = {};
    const failed = native.childFinish(child, Buffer.alloc(1), 20_000, 1e6, result);
    setTimeout(() => process.stdout.write(JSON.stringify({ signals, started, failed, waitStatus: result.waitStatus })), 300);
  }, 50);`;

const childrenOf = (pid: number): number[] =>
  run(['ps', '-o', 'pid=', '--ppid', String(pid)])
    .stdout.split(/\s+/)
    .filter(Boolean)
    .map(Number);

async function until<T>(look: () => T | undefined): Promise<T> {
  const end = Date.now() + 30_000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error('it did not happen within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('lets one Ctrl-C count once, although it reaches the child between its birth and its program', async () => {
  const file = join(folder, 'program.cjs');
  writeFileSync(file, PROGRAM);
  const addon = join(import.meta.dirname, `../../dist/rsprep-${process.arch}.node`);
  // Its standard descriptors are made by dup2 or dup3: each takes 0.4 s longer. arm64 has no dup2.
  const strace = [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'trace=?dup2,dup3',
    '-e',
    'inject=?dup2,dup3:delay_exit=400000',
  ];
  const child = spawn('strace', [...strace, process.execPath, file, addon], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let printed = '';
  child.stdout.on('data', (piece: Buffer) => {
    printed += piece.toString();
  });
  const node = await until(() => childrenOf(child.pid ?? -1)[0]);
  const born = await until(() => childrenOf(node)[0]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(readlinkSync(`/proc/${born}/exe`)).toBe(readlinkSync(`/proc/${node}/exe`)); // still before its execve(2)
  for (const pid of [node, born]) process.kill(pid, 'SIGINT'); // as a terminal does to its foreground group
  await ended;
  // The child is ended by it (2, wait(2)) as soon as it is a program of its own.
  expect(JSON.parse(printed)).toEqual({ signals: 1, started: 0, failed: 0, waitStatus: 2 });
});
