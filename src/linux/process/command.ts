import type { UnreadableCause } from '../../core/model/reading.ts';
import { errorCode, errorText } from '../files/errors.ts';
import { type Ended, startChild } from './child.ts';

/** What children get: nothing of the caller's environment can change what they do or print. */
export const CHILD_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
};

export type CommandResult =
  | { readonly kind: 'ok'; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'failed'; readonly status: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'missing'; readonly program: string }
  | { readonly kind: 'timeout'; readonly program: string; readonly timeoutMs: number }
  | { readonly kind: 'broken'; readonly program: string; readonly reason: string };

export interface ReadOptions {
  readonly input?: string;
  readonly timeoutMs: number;
}

/**
 * Runs a command that only reads, and waits for it. Synchronous, because an observation is one pass. Commands that change the
 * host go through `change()`.
 */
export function read(argv: readonly [string, ...string[]], { input = '', timeoutMs }: ReadOptions): CommandResult {
  const running = start(argv);
  running.send(input);
  return running.finish(timeoutMs);
}

/** A command that only reads, under way. */
export interface Running {
  /** Its whole standard input, once. */
  send(input: string): void;
  finish(timeoutMs: number): CommandResult;
}

/** Starts a command that only reads; it works while we do something else. */
export function start(argv: readonly [string, ...string[]]): Running {
  const child = startChild(argv, CHILD_ENV);
  return {
    send: child.send,
    finish: (timeoutMs) => resultOf(argv[0], child.finish(timeoutMs), timeoutMs),
  };
}

function resultOf(program: string, ended: Ended, timeoutMs: number): CommandResult {
  switch (ended.kind) {
    case 'missing':
      return { kind: 'missing', program };
    case 'timeout':
      return { kind: 'timeout', program, timeoutMs };
    case 'broken':
      return { kind: 'broken', program, reason: ended.reason };
    case 'killed':
      return { kind: 'broken', program, reason: `it was killed by ${ended.signal}` };
    case 'exited': {
      const { status, stdout, stderr } = ended;
      return status === 0 ? { kind: 'ok', stdout, stderr } : { kind: 'failed', status, stdout, stderr };
    }
  }
}

export interface ChangeOptions extends ReadOptions {
  /** Descriptor of the held lock; the child inherits it, so that a killed rsprep still looks busy while its child works. */
  readonly lockFd: number | null;
}

/**
 * Runs a command that changes the host. It gets its own session, so that Ctrl-C on the terminal cannot stop it in the
 * middle: rsprep decides between two steps what to do about the signal.
 */
export async function change(argv: readonly [string, ...string[]], options: ChangeOptions): Promise<CommandResult> {
  // Loaded only where something is changed.
  const { spawn } = await import('node:child_process');
  const [program, ...args] = argv;
  let limit: NodeJS.Timeout | undefined;
  const ended = new Promise<CommandResult>((resolve) => {
    const stdio = ['pipe', 'pipe', 'pipe', options.lockFd ?? 'ignore'] as const;
    const child = spawn(program, args, { env: CHILD_ENV, cwd: '/', stdio: [...stdio], detached: true });
    const output = { stdout: '', stderr: '' };
    let timedOut = false;
    limit = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    child.on('error', (error) => resolve(notStarted(program, error)));
    // Where no descriptor is left there are no streams either; the error then comes by itself.
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
      child[name]?.on('error', (error) => resolve({ kind: 'broken', program, reason: errorText(error) }));
    }
    // EPIPE: it ended before it had read all. It is judged by its exit status.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    child.on('close', (status, signal) => {
      if (timedOut) resolve({ kind: 'timeout', program, timeoutMs: options.timeoutMs });
      else if (status === null) resolve({ kind: 'broken', program, reason: `it was killed by ${signal}` });
      else resolve(status === 0 ? { kind: 'ok', ...output } : { kind: 'failed', status, ...output });
    });
  });
  try {
    return await ended;
  } catch (error) {
    return notStarted(program, error); // what fails before execve(2) is thrown, but for a few errors that come as an event
  } finally {
    clearTimeout(limit);
  }
}

const notStarted = (program: string, error: unknown): CommandResult =>
  errorCode(error) === 'ENOENT'
    ? { kind: 'missing', program }
    : { kind: 'broken', program, reason: `it cannot be started: ${errorText(error)}` };

/** What went wrong, what to do next. */
export function commandFailure(result: Exclude<CommandResult, { kind: 'ok' }>, what: string): string {
  switch (result.kind) {
    case 'missing':
      return `${what}: \`${result.program}\` is not installed (looked in ${CHILD_ENV.PATH}); install ${PACKAGES[result.program] ?? result.program}`;
    case 'timeout':
      return `${what}: \`${result.program}\` did not answer within ${result.timeoutMs} ms and was killed`;
    case 'broken':
      return `${what}: \`${result.program}\`: ${result.reason}`;
    case 'failed':
      return `${what}: ${firstLine(result.stderr) || `exit status ${result.status}`}`;
  }
}

/** Programs say only in words that they were not allowed to: nft, iptables, arptables and ipvsadm, all in these (LC_ALL=C). */
export const commandCause = (result: Exclude<CommandResult, { kind: 'ok' }>): UnreadableCause =>
  result.kind === 'failed' && /not permitted|permission|must be root/i.test(result.stderr) ? 'privilege' : 'io';

const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', flock: 'util-linux', nft: 'nftables' };

const firstLine = (text: string): string => text.trim().split('\n')[0]?.trim() ?? '';
