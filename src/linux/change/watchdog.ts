import { type StdioOptions, spawn } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import type { Failure } from '../../app/ports/host.ts';
import type { BootSpan } from '../../core/model/boot-clock.ts';
import { errorCode, errorText } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { CHILD_ENV, change, commandFailure } from '../process/command.ts';
import { processIds } from '../process/processes.ts';

/** $0 of the sleeping shell. */
const SLEEPER = 'rsprep-unconfirmed';

const unitOf = (token: string): string => `rsprep-unconfirmed-${token}`;

/** How this very program is started: the interpreter and the bundle. */
export type SelfCommand = readonly [string, ...string[]];

/**
 * sh(1), in a few hundred KB; Node starts only when the time is up. $1 is that time on the clock of /proc/uptime (CLOCK_BOOTTIME), in
 * hundredths of a second. sleep(1) goes by a clock that stands still while the machine is suspended, so it looks again every ten
 * seconds. Then the command is run until it has succeeded: a lock, a full disk or a missing ip(8) may pass.
 */
const LOOP = `end=$1
shift
while read -r up idle </proc/uptime; do
  left=$((end - \${up%.*}\${up#*.}))
  [ "$left" -gt 0 ] || break
  [ "$left" -lt 1000 ] || left=1000
  sleep "$((left / 100)).$((left / 10 % 10))$((left % 10))" || sleep 1
done
pause=1
until "$@"; do
  sleep "$pause"
  [ "$pause" -ge 30 ] || pause=$((pause * 2))
done`;

/**
 * Makes sure that something takes an unconfirmed apply back, even if the shell, the ssh session or rsprep die: a transient
 * service where systemd runs (systemd-run(1); a session's cgroup may be killed as a whole), a process in a session of its own
 * elsewhere. Both run in the caller's network namespace: systemd's services live in the first one, so in any other it is
 * the process.
 */
export async function armWatchdog(
  paths: Paths,
  self: SelfCommand,
  { untilMs }: BootSpan,
  token: string,
  timeoutMs: number,
): Promise<Failure | null> {
  const revert = [...self, '--root', paths.root, 'confirm', '--revert', token];
  const words = [SLEEPER, String(Math.ceil(untilMs / 10)), ...revert];
  return hasSystemd()
    ? armService(['-c', LOOP, ...words], token, timeoutMs)
    : armProcess(['-c', SAYS_SO + LOOP, ...words]);
}

function hasSystemd(): boolean {
  if (!existsSync('/run/systemd/system')) return false;
  try {
    return readlinkSync('/proc/self/ns/net') === readlinkSync('/proc/1/ns/net');
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false; // process 1 cannot be looked at: a process of ours is the one that is sure to be in this namespace
  }
}

async function armService(argv: readonly string[], token: string, timeoutMs: number): Promise<Failure | null> {
  const result = await change(
    [
      'systemd-run',
      '--quiet',
      `--unit=${unitOf(token)}`,
      '--description=rsprep takes back an apply that nobody confirmed',
      '--property=Restart=on-failure',
      '--property=RestartSec=1',
      '--property=StartLimitIntervalSec=0',
      `--setenv=PATH=${CHILD_ENV.PATH}`,
      '/bin/sh',
      // Of a service's command line systemd takes variables by itself (systemd.service(5), "Command lines").
      ...argv.map((word) => word.replaceAll('$', '$$$$')),
    ],
    { timeoutMs, lockFd: null },
  );
  if (result.kind === 'ok') return null;
  const message = commandFailure(result, 'cannot arm the service that takes an unconfirmed apply back');
  return { kind: 'failed', message, next: 'nothing was changed; see `systemctl status`, or apply without --confirm' };
}

/** Before anything is changed: one that died at its start would take nothing back. systemd starts it again by itself. */
const SAYS_SO = 'read -r up idle </proc/uptime\necho armed\nexec >/dev/null\n';

function armProcess(argv: readonly string[]): Promise<Failure | null> {
  return new Promise((resolve) => {
    const failed = (error: unknown): void => {
      const message = `cannot start the process that takes an unconfirmed apply back: ${errorText(error)}`;
      resolve({ kind: 'failed', message, next: 'nothing was changed; apply without --confirm' });
    };
    try {
      const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
      const child = spawn('/bin/sh', argv, { env: CHILD_ENV, cwd: '/', stdio, detached: true });
      child.once('error', failed);
      child.once('exit', () => failed(new Error('it ended at once')));
      child.stdout?.once('data', () => {
        child.stdout?.destroy();
        child.unref();
        resolve(null);
      });
    } catch (error) {
      failed(error); // no descriptors left, say
    }
  });
}

/** Stops the service, or the sleeping process and its `sleep`. */
export async function disarmWatchdog(token: string, timeoutMs: number): Promise<void> {
  if (hasSystemd()) await change(['systemctl', 'stop', `${unitOf(token)}.service`], { timeoutMs, lockFd: null });
  else for (const pid of processIds()) endIfSleeper(pid, token);
}

/** Found by its command line, which names it and the token; it leads a process group of its own. */
function endIfSleeper(pid: number, token: string): void {
  try {
    const line = readText(`/proc/${pid}/cmdline`);
    const words = line.kind === 'value' ? line.value.split('\0') : [];
    if (pid !== process.pid && words.includes(SLEEPER) && words.includes(token)) process.kill(-pid, 'SIGTERM');
  } catch (error) {
    if (errorCode(error) === null) throw error; // gone, or somebody else's who calls himself so
  }
}
