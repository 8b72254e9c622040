import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import type { Failure } from '../../app/ports/host.ts';
import { errorCode, errorText, isPrivilege } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { CHILD_ENV, change, commandFailure } from '../process/command.ts';

/** $0 of the sleeping shell. */
const SLEEPER = 'rsprep-unconfirmed';

const unitOf = (token: string): string => `rsprep-unconfirmed-${token}`;

/** How this very program is started: the interpreter and the bundle. */
export type SelfCommand = readonly [string, ...string[]];

/**
 * Makes sure that something takes an unconfirmed apply back, even if the shell, the ssh session or rsprep die: a transient
 * timer where systemd runs (systemd-run(1); a session's cgroup may be killed as a whole), a process in a session of its own
 * elsewhere. Both run in the caller's network namespace: systemd's services live in the first one, so in any other it is
 * the process.
 */
export async function armWatchdog(
  paths: Paths,
  self: SelfCommand,
  delayMs: number,
  token: string,
  timeoutMs: number,
): Promise<Failure | null> {
  const revert = [...self, '--root', paths.root, 'confirm', '--revert', token];
  return hasSystemd() ? armTimer(revert, delayMs, token, timeoutMs) : armProcess(revert, delayMs);
}

function hasSystemd(): boolean {
  if (!existsSync('/run/systemd/system')) return false;
  try {
    return readlinkSync('/proc/self/ns/net') === readlinkSync('/proc/1/ns/net');
  } catch (error) {
    // Without the right to look at process 1, the detached process is the one that is sure to be in this namespace.
    if (isPrivilege(error)) return false;
    throw error;
  }
}

async function armTimer(
  revert: readonly string[],
  delayMs: number,
  token: string,
  timeoutMs: number,
): Promise<Failure | null> {
  const result = await change(
    [
      'systemd-run',
      '--quiet',
      `--unit=${unitOf(token)}`,
      `--on-active=${(delayMs / 1000).toFixed(3)}s`,
      '--timer-property=AccuracySec=50ms',
      '--description=rsprep takes back an apply that nobody confirmed',
      ...revert,
    ],
    { timeoutMs, lockFd: null },
  );
  if (result.kind === 'ok') return null;
  const message = commandFailure(result, 'cannot arm the timer that takes an unconfirmed apply back');
  return { kind: 'failed', message, next: 'nothing was changed; see `systemctl status`, or apply without --confirm' };
}

/** sh sleeps in a few hundred KB; Node starts only when the time is up. */
function armProcess(revert: readonly string[], delayMs: number): Promise<Failure | null> {
  return new Promise((resolve) => {
    const seconds = (delayMs / 1000).toFixed(3);
    const child = spawn('sh', ['-c', 'sleep "$1"; shift; exec "$@"', SLEEPER, seconds, ...revert], {
      env: CHILD_ENV,
      cwd: '/',
      stdio: 'ignore',
      detached: true,
    });
    child.once('error', (error) => {
      const message = `cannot start the process that takes an unconfirmed apply back: ${errorText(error)}`;
      resolve({ kind: 'failed', message, next: 'nothing was changed; apply without --confirm' });
    });
    child.once('spawn', () => {
      child.unref();
      resolve(null);
    });
  });
}

/**
 * Stops the timer, or the sleeping process and its `sleep`. One that is missed does no harm: it wakes up, finds another token
 * or none in the ledger, and ends.
 */
export async function disarmWatchdog(token: string, timeoutMs: number): Promise<void> {
  if (hasSystemd()) await change(['systemctl', 'stop', `${unitOf(token)}.timer`], { timeoutMs, lockFd: null });
  else endSleeper(token);
}

/** Found by its command line, which names it and the token; it leads a process group of its own. */
function endSleeper(token: string): void {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const line = readText(`/proc/${entry}/cmdline`);
    const words = line.kind === 'value' ? line.value.split('\0') : [];
    if (!words.includes(SLEEPER) || !words.includes(token)) continue;
    try {
      process.kill(-pid, 'SIGTERM');
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }
}
