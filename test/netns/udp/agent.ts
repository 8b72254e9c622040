// A Node process in a host of the test network, driven from the test. It uses dist/udp.cjs: what ships is what is tested.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { testEnvironment } from '../../support/process.ts';

export interface Agent {
  /** Evaluates the body of an async function there; `udp`, `dgram`, `kept`, `sleep`, `ask` and `serve` are in scope. */
  run<T = unknown>(code: string): Promise<T>;
  readonly child: ChildProcess;
  end(): Promise<void>;
}

/** @param prefix what to run it with, such as `['ip', 'netns', 'exec', name]`; empty for the test's own host (loopback only). */
export function startAgent(prefix: readonly string[] = []): Agent {
  const [program = '', ...argv] = [...prefix, process.execPath, join(import.meta.dirname, 'agent.cjs')];
  const child = spawn(program, argv, { env: testEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let next = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, value, error } = JSON.parse(line) as { id: number; value: never; error?: string };
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) waiter?.resolve(value);
    else waiter?.reject(new Error(error));
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  void ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the agent has ended'));
  });
  return {
    child,
    run: (code) =>
      new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id, code })}\n`);
      }),
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export const inside = (namespace: string): readonly string[] => ['ip', 'netns', 'exec', namespace];
