import { ftruncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Failure, LockResult } from '../../app/ports/host.ts';
import { closeQuietly } from '../files/close.ts';
import { errorCode, errorText, isPrivilege } from '../files/errors.ts';
import { LOCK_PATH, type Paths } from '../files/paths.ts';
import { lockAtOnce } from '../process/child.ts';
import { type CommandResult, change, commandFailure } from '../process/command.ts';
import {
  closeLockFile,
  contentOf,
  isHeldByUs,
  isInPlace,
  type LockFile,
  NotOurs,
  openLockFile,
  openSuccessor,
  putInPlace,
} from './lock-file.ts';

type Taken =
  | { readonly kind: 'held'; readonly file: LockFile }
  | { readonly kind: 'busy'; readonly by: string }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The file was replaced meanwhile. */
  | { readonly kind: 'again' };

/** Between two looks at a lock that cannot be waited for, in milliseconds. */
const PAUSE_MS = 100;
/** A file that is replaced under our hands more often than that is nothing that an rsprep does. */
const MOST_TRIES = 100;

/**
 * Takes the lock on a descriptor of ours: the lock belongs to the open file description (flock(2)), so it
 * lives as long as this process or any child that inherited the descriptor, killed or not.
 * @param timeoutMs 0 does not wait.
 */
export async function acquireLock(paths: Paths, timeoutMs: number, command: string, now: Date): Promise<LockResult> {
  // Of a --root only /run may be a link; one in the place of what rsprep makes there is refused.
  const path = `${paths.at('/run')}${LOCK_PATH.slice('/run'.length)}`;
  const endMs = monotonicMs() + timeoutMs;
  for (let tries = 1; ; tries += 1) {
    const leftMs = Math.max(0, Math.round(endMs - monotonicMs()));
    const taken = await tryOnce(paths, path, leftMs);
    if (taken.kind === 'held') {
      note(taken.file.fd, `${JSON.stringify({ pid: process.pid, command, since: now.toISOString() })}\n`);
      closeQuietly(taken.file.folder);
      return { kind: 'held', fd: taken.file.fd, release: () => closeQuietly(taken.file.fd) };
    }
    if (taken.kind === 'failed') return taken;
    if (taken.kind === 'busy' && monotonicMs() >= endMs) return taken;
    if (tries >= MOST_TRIES && monotonicMs() >= endMs) return { kind: 'busy', by: 'another rsprep' };
    if (taken.kind === 'busy') await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

async function tryOnce(paths: Paths, path: string, timeoutMs: number): Promise<Taken> {
  let file: LockFile;
  try {
    file = openLockFile(paths, path);
  } catch (error) {
    return { kind: 'failed', failure: openFailure(path, error) };
  }
  const taken = file.isLoose ? await replaceLoose(file, path, timeoutMs) : await lock(file, path, timeoutMs);
  if (taken.kind !== 'held') closeLockFile(file);
  return taken;
}

async function lock(file: LockFile, path: string, timeoutMs: number): Promise<Taken> {
  const result = await flock(file.fd, timeoutMs);
  if (result.kind === 'ok') return isInPlace(file) ? { kind: 'held', file } : { kind: 'again' };
  if (isBusy(result)) return { kind: 'busy', by: holderOf(contentOf(file)) };
  const next = result.kind === 'missing' ? 'install util-linux, which has flock(1)' : 'run it again';
  return {
    kind: 'failed',
    failure: { kind: 'failed', message: commandFailure(result, `cannot lock ${path}`), next },
  };
}

/**
 * A file that others can open is replaced, not closed to them: one of them may hold its lock already. It is waited for only
 * where a process of this user's holds it: a run of an older version.
 */
async function replaceLoose(file: LockFile, path: string, timeoutMs: number): Promise<Taken> {
  const old = await lock(file, path, isHeldByUs(file) ? timeoutMs : 0);
  if (old.kind === 'failed' || old.kind === 'again') return old;
  if (old.kind === 'busy' && isHeldByUs(file)) return old;
  let next: LockFile;
  try {
    next = openSuccessor(file, path);
  } catch (error) {
    return { kind: 'failed', failure: openFailure(path, error) };
  }
  const result = await flock(next.fd, 0);
  if (result.kind === 'ok' && putInPlace(file, next)) {
    closeQuietly(file.fd);
    return { kind: 'held', file: next };
  }
  closeQuietly(next.fd);
  return { kind: 'again' };
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

function openFailure(path: string, error: unknown): Failure {
  const message = `cannot open the lock ${path}: ${errorText(error)}`;
  if (error instanceof NotOurs)
    return { kind: 'failed', message: error.message, next: `${error.next}. Nothing was changed` };
  if (errorCode(error) === null) throw error;
  if (isPrivilege(error)) return { kind: 'permission', message, next: 'run this as root' };
  const next = ['EMFILE', 'ENFILE'].includes(errorCode(error) ?? '')
    ? 'raise the limit (ulimit -n 1024), then run it again; nothing was changed'
    : `make ${dirname(path)} writable, and see that its file system has free space; nothing was changed`;
  return { kind: 'failed', message, next };
}

/** For the one who finds it busy. A full disk must not keep anybody from fixing a host, so a failure here is no failure. */
function note(fd: number, holder: string): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, holder, 0);
  } catch (error) {
    process.emitWarning(`the lock is taken, but the file does not say by whom: ${errorText(error)}`);
  }
}

function holderOf(text: string): string {
  try {
    const { pid, command, since } = JSON.parse(text);
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
