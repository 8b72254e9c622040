import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LockResult } from '../../app/ports/host.ts';
import { errorText, isPrivilege } from '../files/errors.ts';
import { LOCK_PATH, type Paths } from '../files/paths.ts';
import { lockAtOnce } from '../process/child.ts';
import { type CommandResult, change, commandFailure } from '../process/command.ts';

/**
 * Takes the lock on a descriptor of ours: the lock belongs to the open file description (flock(2)), so it
 * lives as long as this process or any child that inherited the descriptor, killed or not.
 * @param timeoutMs 0 does not wait.
 */
export async function acquireLock(paths: Paths, timeoutMs: number, command: string, now: Date): Promise<LockResult> {
  const path = paths.at(LOCK_PATH);
  let fd: number;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    fd = openSync(path, 'a+', 0o644);
  } catch (error) {
    const kind = isPrivilege(error) ? 'permission' : 'failed';
    return {
      kind: 'failed',
      failure: {
        kind,
        message: `cannot open the lock ${path}: ${errorText(error)}`,
        next:
          kind === 'permission'
            ? 'run this as root'
            : `make ${dirname(path)} writable, and see that its file system has free space; nothing was changed`,
      },
    };
  }
  const result = await flock(fd, timeoutMs);
  if (result.kind === 'ok') {
    const holder = `${JSON.stringify({ pid: process.pid, command, since: now.toISOString() })}\n`;
    note(fd, holder);
    return { kind: 'held', fd, release: () => closeSync(fd) };
  }
  closeSync(fd);
  if (isBusy(result)) return { kind: 'busy', by: holderOf(path) };
  const message = commandFailure(result, `cannot lock ${path}`);
  return { kind: 'failed', failure: { kind: 'failed', message, next: 'install util-linux, which has flock(1)' } };
}

/** Nearly always the lock is free: then no program is started. flock(1) waits where somebody has it, and where there is no addon. */
async function flock(fd: number, timeoutMs: number): Promise<CommandResult> {
  const isOurs = lockAtOnce(fd);
  if (isOurs === true) return { kind: 'ok', stdout: '', stderr: '' };
  if (isOurs === false && timeoutMs === 0) return { kind: 'failed', status: 1, stdout: '', stderr: '' };
  const wait = timeoutMs > 0 ? ['-w', (timeoutMs / 1000).toFixed(3)] : ['-n'];
  return change(['flock', ...wait, '3'], { timeoutMs: timeoutMs + 10_000, lockFd: fd });
}

const isBusy = (result: CommandResult): boolean =>
  result.kind === 'failed' && result.status === 1 && result.stderr.trim() === '';

/** For the one who finds it busy. A full disk must not keep anybody from fixing a host, so a failure here is no failure. */
function note(fd: number, holder: string): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, holder);
  } catch (error) {
    process.emitWarning(`the lock is taken, but the file does not say by whom: ${errorText(error)}`);
  }
}

function holderOf(path: string): string {
  try {
    const { pid, command, since } = JSON.parse(readFileSync(path, 'utf8'));
    const alive = isAlive(Number(pid));
    return alive
      ? `\`rsprep ${command}\` (pid ${pid}, since ${since})`
      : `a command that \`rsprep ${command}\` started (pid ${pid}, which has ended); it will end by itself`;
  } catch {
    return 'another rsprep';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isPrivilege(error);
  }
}
