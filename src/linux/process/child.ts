import { closeSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { loadNative, type Native } from '../../udp/native.ts';
import { errorText } from '../files/errors.ts';

/** How a child ended. */
export type Ended =
  | { readonly kind: 'exited'; readonly status: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'killed'; readonly signal: string }
  | { readonly kind: 'missing' | 'timeout' }
  | { readonly kind: 'broken'; readonly reason: string };

export interface Child {
  /** Its whole input, once. */
  send(input: string): void;
  /** Reads to the end and waits. At `timeoutMs` it is killed. */
  finish(timeoutMs: number): Ended;
}

/** Output past this is not of a program we know. In bytes. */
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;
/** errno(3), as the addon returns them. */
const ENOENT = 2;
const EAGAIN = 11;
const EFBIG = 27;
const ETIMEDOUT = 110;

/**
 * Starts a program that only reads, with pipes to its standard descriptors, and returns at once: it works while we do something
 * else. Through the addon, because node:child_process costs as much as ip(8) itself; through that where there is no addon.
 * @param environment the whole of it; its PATH is where the program is looked for
 */
export function startChild(argv: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Child {
  const native = addon();
  return native === null ? withNode(argv, environment) : withAddon(native, argv, environment);
}

let found: Native | null | undefined;
function addon(): Native | null {
  if (found !== undefined) return found;
  try {
    const native = loadNative();
    // One that was left from an older version cannot do this yet.
    found = typeof native.childStart === 'function' ? native : null;
  } catch {
    found = null; // another architecture, say: Node's own way works everywhere
  }
  return found;
}

function withAddon(
  native: Native,
  argv: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Child {
  const [program] = argv;
  const folders = (environment.PATH ?? '').split(':');
  const programs = program.includes('/') ? [program] : folders.map((folder) => `${folder}/${program}`);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const words = [...programs, ...argv, ...variables];
  const child = new Int32Array(4);
  const error = words.some((word) => word.includes('\0'))
    ? 'a NUL character in an argument'
    : native.childStart(
        Buffer.from(`${words.join('\0')}\0`),
        Int32Array.of(programs.length, argv.length, variables.length),
        child,
      );
  if (error !== 0) {
    const ended: Ended =
      error === -ENOENT ? { kind: 'missing' } : { kind: 'broken', reason: `cannot be started: ${described(error)}` };
    return { send: () => undefined, finish: () => ended };
  }
  let rest: Uint8Array = Buffer.alloc(0);
  return {
    send: (input) => {
      rest = sendAll(child, Buffer.from(input));
    },
    finish: (timeoutMs) => {
      const result = { stdout: '', stderr: '', waitStatus: 0 };
      const failed = native.childFinish(child, rest, timeoutMs, MAX_OUTPUT_BYTES, result);
      if (failed === -ETIMEDOUT) return { kind: 'timeout' };
      if (failed === -EFBIG) return { kind: 'broken', reason: `it printed more than ${MAX_OUTPUT_BYTES} bytes` };
      if (failed !== 0) return { kind: 'broken', reason: described(failed) };
      // wait(2): the low seven bits are the signal, the next byte the exit status.
      const signal = result.waitStatus & 0x7f;
      if (signal !== 0) return { kind: 'killed', signal: signalName(signal) };
      return { kind: 'exited', status: (result.waitStatus >> 8) & 0xff, stdout: result.stdout, stderr: result.stderr };
    },
  };
}

/** Whether the kernel has tables of nf_tables: 1 or 0; less where that could not be asked, for want of privilege or of the addon. */
export function nftTables(): number {
  const native = addon();
  return typeof native?.nftTables === 'function' ? native.nftTables() : -1;
}

/** Whether it took the lock on an open file without waiting (flock(2)); null where that could not be tried: no addon, or a failure. */
export function lockAtOnce(fd: number): boolean | null {
  const native = addon();
  if (typeof native?.lock !== 'function') return null;
  const result = native.lock(fd);
  if (result === 0) return true;
  return result === -EAGAIN ? false : null;
}

/** Where our end of the child's standard input is in what childStart fills in. */
const STDIN = 1;

/** As much as the pipe takes at once, and its end where that was all. @returns the rest, for childFinish */
function sendAll(child: Int32Array, input: Uint8Array): Uint8Array {
  const fd = child[STDIN] ?? -1;
  let sent = 0;
  try {
    sent = writeSync(fd, input);
  } catch {
    return input; // a full pipe, or a child that reads nothing: childFinish tells them apart
  }
  if (sent < input.length) return input.subarray(sent);
  closeSync(fd);
  child[STDIN] = -1;
  return Buffer.alloc(0);
}

const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;

/** As errno(3) has it: `EMFILE`, with the words for it. */
function described(error: string | number): string {
  if (typeof error === 'string') return error;
  const [code] = Object.entries(constants.errno).find(([, value]) => value === -error) ?? [`errno ${-error}`];
  return errorText(Object.assign(new Error(code), { code }));
}

/** Without the addon: the child is started only when it is waited for. */
function withNode(argv: readonly [string, ...string[]], environment: Readonly<Record<string, string>>): Child {
  const [program, ...args] = argv;
  let input = '';
  return {
    send: (all) => {
      input = all;
    },
    finish: (timeoutMs) => {
      const { spawnSync } = createRequire('/')('node:child_process') as typeof import('node:child_process');
      const result = spawnSync(program, args, {
        env: environment,
        cwd: '/',
        input,
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        encoding: 'utf8',
      });
      const code = result.error === undefined ? null : ((result.error as NodeJS.ErrnoException).code ?? '');
      if (code === 'ENOENT') return { kind: 'missing' };
      if (code === 'ETIMEDOUT') return { kind: 'timeout' };
      // A child that ends without reading its input is judged by its exit status.
      if (code !== null && code !== 'EPIPE') return { kind: 'broken', reason: result.error?.message ?? code };
      if (result.signal !== null) return { kind: 'killed', signal: result.signal };
      return { kind: 'exited', status: result.status ?? -1, stdout: result.stdout, stderr: result.stderr };
    },
  };
}
