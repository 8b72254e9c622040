// Running programs in tests: the outcome as a value, never an exception, and everything that was started is known so
// that a test's end can stop it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Outcome {
  /** Exit code, or null when a signal (or the time limit) ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** After this the program is killed with SIGKILL; the outcome then has `signal`. Default 30 s. */
  readonly timeoutMs?: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<Outcome>;
}

export function run(argv: readonly string[], options: RunOptions = {}): Outcome {
  const [program = '', ...args] = argv;
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    env: options.env ?? testEnvironment(),
    timeout: options.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
    maxBuffer: 64 << 20,
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  // Not found or not executable is a broken test, a time limit is an outcome.
  if (result.error && !result.signal) throw result.error;
  return { code: result.status, signal: result.signal, stdout: result.stdout, stderr: result.stderr };
}

/** Like run(), but any failure is an exception with all that was said: for set-up, where nothing may fail. */
export function must(argv: readonly string[], options: RunOptions = {}): string {
  const outcome = run(argv, options);
  if (outcome.code !== 0) {
    throw new Error(
      `${argv.join(' ')}: exit ${outcome.code ?? outcome.signal}, expected 0\n${outcome.stdout}${outcome.stderr}`,
    );
  }
  return outcome.stdout;
}

/**
 * Starts a program without waiting. `group` puts it in a process group of its own, for tests that kill a whole group.
 */
export function start(argv: readonly string[], options: RunOptions & { readonly group?: boolean } = {}): Started {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    env: options.env ?? testEnvironment(),
    stdio: 'pipe',
    detached: options.group ?? false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.stdin.on('error', () => child.stdin.destroy()); // EPIPE: it ended before it read its input
  if (options.input !== undefined) child.stdin.end(options.input);
  const output: string[] = [];
  const errors: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const limit =
    options.timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
  const done = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, stdout: output.join(''), stderr: errors.join('') });
    });
  });
  return { child, done };
}

/** The caller's environment without what changes Node's start-up or npm's behaviour. */
export function testEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _certificates, NODE_OPTIONS: _options, VITEST: _vitest, ...rest } = process.env;
  return { ...rest, ...extra };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** SIGKILL for a process and all its descendants, whatever sessions and groups they have made for themselves. */
export function killTree(pid: number): void {
  signal(pid, 'SIGSTOP'); // so that it starts nobody while we look
  for (const child of childrenOf(pid)) killTree(child);
  signal(pid, 'SIGKILL');
}

function childrenOf(pid: number): readonly number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A signal to a process that may have ended by itself meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ESRCH', 'ENOENT'].includes(String(error.code));
