import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Started, start, testEnvironment } from '../../support/process.ts';
import type { Host } from './net.ts';
import { PROGRAM } from './root.ts';

export interface Answer {
  /** When the question was sent, in ms of the clock. */
  readonly at: number;
  readonly protocol: Protocol;
  readonly to: string;
  /** Who answered, or null where nobody did in time. */
  readonly by: string | null;
  /** Address the reply came from. */
  readonly from: string | null;
}

/** `udp` takes a reply from anybody and says from whom; `udp-connected` only one from the address asked. */
export type Protocol = 'udp' | 'udp-connected' | 'tcp';

export interface Questions {
  /** Several are asked in turn, at each address in turn. */
  readonly protocol: Protocol | readonly Protocol[];
  readonly to: string | readonly string[];
  readonly port: number;
  /** Between two questions. Default 5. */
  readonly gapMs?: number;
  /** Default 1000. */
  readonly timeoutMs?: number;
}

/** Asks `count` questions, each a flow of its own. */
export async function ask(client: Host, count: number, questions: Questions): Promise<Answer[]> {
  return output(await clientProgram(client, count, questions).done);
}

/** Asks without pause until `stop`, which resolves to everything that was asked. */
export function askOn(client: Host, questions: Questions): { stop(): Promise<Answer[]> } {
  const { child, done } = clientProgram(client, 0, questions);
  return {
    stop: async () => {
      child.stdin?.end();
      return output(await done);
    },
  };
}

/** How many questions each server answered. */
export function shares(given: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { by } of given) counts[by ?? 'nobody'] = (counts[by ?? 'nobody'] ?? 0) + 1;
  return counts;
}

/**
 * Starts a server that answers with `name` over UDP and TCP; resolves once it is bound.
 * @param udp whose socket answers UDP: Node's own, or rsprep/udp's
 */
export async function serve(
  host: Host,
  name: string,
  address: string | readonly string[],
  port: number,
  udp: 'dgram' | 'rsprep/udp' = 'dgram',
): Promise<Started> {
  const env = testEnvironment(udp === 'dgram' ? {} : { RSPREP_UDP: join(dirname(PROGRAM), 'udp.cjs') });
  const argv = node(host, 'server.mjs', name, port, ...list(address));
  return await ready(start(argv, { timeoutMs: 300_000, env }), name);
}

/** Starts a TCP server whose connections last. */
export const serveLong = (host: Host, name: string, address: string, port: number): Promise<Started> =>
  ready(start(node(host, 'long-server.mjs', name, port, address), { timeoutMs: 300_000 }), name);

/** What became of a connection that lasts. */
export interface LongConnection {
  readonly by: string;
  readonly sent: number;
  readonly received: number;
  readonly error: string | null;
}

/** Opens connections that last until `stop`, with a byte to and fro every 50 ms. */
export async function connectLong(
  client: Host,
  count: number,
  to: string,
  port: number,
): Promise<{ stop(): Promise<LongConnection[]> }> {
  const { child, done } = await ready(
    start(node(client, 'long-client.mjs', to, port, count), { timeoutMs: 120_000 }),
    'the client',
  );
  return {
    stop: async () => {
      child.stdin?.end();
      const outcome = await done;
      return output({ ...outcome, stdout: outcome.stdout.replace('ready\n', '') });
    },
  };
}

async function ready(started: Started, name: string): Promise<Started> {
  await new Promise<void>((resolve, reject) => {
    started.child.stdout?.once('data', () => resolve());
    void started.done.then((outcome) => reject(new Error(`${name} did not start: ${outcome.stderr}`)), reject);
  });
  return started;
}

const list = (one: string | readonly string[]): readonly string[] => (typeof one === 'string' ? [one] : one);

function clientProgram(client: Host, count: number, q: Questions): Started {
  const argv = [list(q.protocol).join(), list(q.to).join(), q.port, count, q.gapMs ?? 5, q.timeoutMs ?? 1000];
  return start(node(client, 'client.mjs', ...argv), { timeoutMs: 120_000 });
}

function node(host: Host, program: string, ...args: (string | number)[]): string[] {
  const path = fileURLToPath(new URL(`./programs/${program}`, import.meta.url));
  return ['ip', 'netns', 'exec', host.netns, process.execPath, path, ...args.map(String)];
}

function output<T>(outcome: { readonly code: number | null; readonly stdout: string; readonly stderr: string }): T[] {
  if (outcome.code !== 0) throw new Error(`the client ended with ${outcome.code}: ${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as T[];
}
