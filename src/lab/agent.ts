// The agent: one process in each host of the lab. It holds the host's namespaces open and does there what it is told.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.ts';
import { askNeighbour, resolve } from './neighbours.ts';
import type { AgentCalls, AgentMessage, AgentRequest } from './protocol.ts';
import { ask, serve } from './services.ts';
import { hostPart, labTitle } from './standing.ts';
import type { HostName } from './topology.ts';

type Handlers = {
  readonly [Call in keyof AgentCalls]: (
    request: Parameters<AgentCalls[Call]>[0],
  ) => Promise<ReturnType<AgentCalls[Call]>>;
};

const HANDLERS: Handlers = {
  run,
  sysctl: async (settings) => {
    for (const { path, value } of settings) {
      const file = join('/proc/sys', ...path);
      if (existsSync(file)) writeFileSync(file, value);
    }
    return null;
  },
  serve: async ({ name, vips }) => {
    await serve(name, vips);
    return null;
  },
  ask,
  askNeighbour: ({ address, mac }) => askNeighbour(address, mac),
  resolve: ({ address }) => resolve(address),
};

/** Answers calls until the lab that started it is gone. */
export async function runAgent(labId: number, name: HostName): Promise<void> {
  process.title = labTitle(labId, hostPart(name));
  // The hostname of this UTS namespace; without hostname(1) reports name the machine instead.
  await run({ argv: ['hostname', name], input: '', timeoutMs: 5_000 });
  const gone = new Promise<void>((ended) => process.once('disconnect', ended));
  process.on('message', (message) => void answer(message as AgentRequest));
  say({ kind: 'ready' });
  await gone;
}

async function answer({ id, call, request }: AgentRequest): Promise<void> {
  try {
    // The request was typed by remote.ts, which knows the same table.
    const handler = HANDLERS[call] as (request: unknown) => Promise<unknown>;
    say({ kind: 'result', id, value: await handler(request) });
  } catch (error) {
    say({ kind: 'error', id, message: error instanceof Error ? error.message : String(error) });
  }
}

function say(message: AgentMessage): void {
  // False or an error only when the lab is gone, and then so is this process.
  process.send?.(message, undefined, {}, () => undefined);
}
