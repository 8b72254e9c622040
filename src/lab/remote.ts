import { type ChildProcess, spawn } from 'node:child_process';
import { LAB_ENV, ownArgv } from './child.ts';
import type { AgentCalls, AgentMessage, RunOutcome } from './protocol.ts';
import { HOSTS, type HostName, type LabHost } from './topology.ts';

/** A host of the lab, as the lab's first process has it. */
export interface RemoteHost extends LabHost {
  /** Of its agent, as seen from the lab's process namespace: `ip link … netns PID`. */
  readonly pid: number;
  call<Call extends keyof AgentCalls>(
    call: Call,
    request: Parameters<AgentCalls[Call]>[0],
  ): Promise<ReturnType<AgentCalls[Call]>>;
  /** Runs a program that may fail. */
  run(argv: readonly string[], input?: string): Promise<RunOutcome>;
  /** Runs one that must not: @throws LabError with what it said. */
  must(argv: readonly string[], input?: string): Promise<string>;
}

/** This machine cannot do what the lab needs. */
export class LabError extends Error {
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.next = next;
  }
}

const RUN_TIMEOUT_MS = 20_000;

/** Starts a host: a network and a UTS namespace of its own, held by an agent. */
export async function startHost(labId: number, name: HostName): Promise<RemoteHost> {
  const argv = ['--net', '--uts', '--', ...ownArgv('lab', 'host', String(labId), name)];
  const child = spawn('unshare', argv, { env: LAB_ENV, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  await ready(child, name);
  child.on('message', (raw) => {
    const message = raw as AgentMessage;
    if (message.kind === 'ready') return;
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'result') call?.resolve(message.value as never);
    else call?.reject(new Error(`${name}: ${message.message}`));
  });
  child.on('exit', () => {
    for (const call of waiting.values()) call.reject(new Error(`the agent in ${name} ended before it answered`));
  });
  let serial = 0;
  const call: RemoteHost['call'] = (what, request) =>
    new Promise((resolve, reject) => {
      serial += 1;
      waiting.set(serial, { resolve, reject });
      child.send({ id: serial, call: what, request });
    });
  const run = (argv: readonly string[], input = ''): Promise<RunOutcome> =>
    call('run', { argv, input, timeoutMs: RUN_TIMEOUT_MS });
  const must = async (argv: readonly string[], input = ''): Promise<string> => {
    const outcome = await run(argv, input);
    if (outcome.kind === 'ended' && outcome.status === 0) return outcome.stdout;
    throw new LabError(
      `${name}: \`${argv.join(' ')}\`: ${whatWentWrong(outcome)}`,
      'see docs/lab.md for what the lab needs of this kernel',
    );
  };
  return { ...HOSTS[name], pid: child.pid ?? 0, call, run, must };
}

/** The first line a program said about its failure. */
export function whatWentWrong(outcome: RunOutcome): string {
  if (outcome.kind === 'missing') return `${outcome.program} is not installed`;
  const said = (outcome.stderr.trim() || outcome.stdout.trim()).split('\n')[0]?.trim();
  return said || (outcome.status === null ? 'it did not end in time' : `exit status ${outcome.status}`);
}

function ready(child: ChildProcess, name: HostName): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('error', reject);
    child.once('exit', (status, signal) =>
      reject(
        new LabError(`the host ${name} could not be started (${signal ?? `exit status ${status}`})`, 'try it as root'),
      ),
    );
  });
}
