// The command in front: starts the lab in namespaces of its own, hands on what it says, and sees to it that it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { read } from '../linux/process/command.ts';
import { LAB_ENV, ownArgv } from './child.ts';
import type { LabEvent, LabOptions } from './protocol.ts';

export type LabEnd =
  | { readonly kind: 'ended'; readonly ok: boolean; readonly kept: boolean }
  | { readonly kind: 'broken'; readonly message: string; readonly next: string }
  | { readonly kind: 'interrupted'; readonly signal: NodeJS.Signals };

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies readonly NodeJS.Signals[];
/** How long an interrupted lab may take to end before it is killed. */
const GRACE_MS = 2_000;

/**
 * All of the lab's namespaces. `--kill-child` and the process namespace together leave nothing behind, even when this
 * process is killed: unshare(1), pid_namespaces(7).
 */
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
/** In a user namespace anybody is root of what they make in it: user_namespaces(7). */
const USER_NAMESPACE = ['--user', '--map-root-user'];

/** Runs a whole lab. Resolves once nothing of it is left (or, kept, once it stands). */
export async function runLab(
  options: Pick<LabOptions, 'keep' | 'director'>,
  onEvent: (event: LabEvent) => void,
): Promise<LabEnd> {
  const missing = missingProgram();
  if (missing) return missing;
  const isRoot = process.getuid?.() === 0;
  const reasons: string[] = [];
  for (const namespaces of isRoot ? [[], USER_NAMESPACE] : [USER_NAMESPACE]) {
    const realRoot = namespaces.length === 0;
    const end = await runIn([...namespaces, ...NAMESPACES], { ...options, id: process.pid, realRoot }, onEvent);
    if (end.kind !== 'not-started') return end;
    reasons.push(end.reason);
  }
  return {
    kind: 'broken',
    message: `this ${isRoot ? 'machine' : 'user'} may not make network namespaces: ${reasons.join('; ')}`,
    next: isRoot
      ? 'run it on a host or in a virtual machine; a container needs --privileged'
      : 'run it with sudo, or allow unprivileged user namespaces (user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)',
  };
}

function missingProgram(): LabEnd | null {
  const packages = [
    ['ip', '-V', 'iproute2'],
    ['unshare', '--version', 'util-linux'],
    ['mount', '--version', 'mount (or util-linux)'],
  ] as const;
  for (const [program, flag, name] of packages) {
    if (read([program, flag], { timeoutMs: 5_000 }).kind !== 'missing') continue;
    return {
      kind: 'broken',
      message: `\`${program}\` is not installed, and the lab cannot be built without it`,
      next: `install the package ${name}`,
    };
  }
  return null;
}

async function runIn(
  namespaces: readonly string[],
  options: LabOptions,
  onEvent: (event: LabEvent) => void,
): Promise<LabEnd | { readonly kind: 'not-started'; readonly reason: string }> {
  const argv = [...namespaces, '--', ...ownArgv('lab', 'inside', JSON.stringify(options))];
  // A session of its own: Ctrl-C on the terminal comes here alone, and this process ends the lab in one way only.
  const child = spawn('unshare', argv, { env: LAB_ENV, stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-4_000);
  });
  const state: { events: number; end: LabEnd | null; signal: NodeJS.Signals | null } = {
    events: 0,
    end: null,
    signal: null,
  };
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const stood = new Promise<void>((resolve) => {
    child.on('message', (raw) => {
      const event = raw as LabEvent;
      state.events += 1;
      if (event.kind === 'broken') state.end = event;
      if (event.kind === 'ended') state.end ??= event;
      if (event.kind === 'ended' && event.kept) resolve();
      if (state.signal === null) onEvent(event);
    });
  });
  const stopListening = onSignals((signal) => {
    const again = state.signal !== null;
    state.signal ??= signal;
    void endLab(child, exited, again ? 0 : GRACE_MS);
  });
  await Promise.race([exited, stood]);
  stopListening();
  if (state.signal !== null) {
    await exited;
    return { kind: 'interrupted', signal: state.signal };
  }
  if (state.end?.kind === 'ended' && state.end.kept) {
    letGo(child);
    return state.end;
  }
  if (state.end !== null) return state.end;
  const reason = said.trim().split('\n').at(-1) ?? '';
  if (state.events === 0 && /^unshare:/m.test(said)) return { kind: 'not-started', reason };
  return {
    kind: 'broken',
    message: `the lab ended before it was done: ${said.trim().split('\n').join(' / ') || 'it printed nothing'}`,
    next: 'this is a bug in rsprep',
  };
}

function onSignals(handler: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of SIGNALS) process.on(signal, handler);
  return () => {
    for (const signal of SIGNALS) process.off(signal, handler);
  };
}

/** The lab ends itself when its channel closes; killed only if it does not. */
async function endLab(child: ChildProcess, exited: Promise<void>, graceMs: number): Promise<void> {
  if (child.connected) child.disconnect();
  await Promise.race([exited, sleep(graceMs, undefined, { ref: false })]);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

function letGo(child: ChildProcess): void {
  child.stderr?.destroy();
  if (child.connected) child.disconnect();
  child.unref();
}
