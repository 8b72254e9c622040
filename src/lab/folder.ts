import { mkdirSync, realpathSync } from 'node:fs';
import { run } from './child.ts';
import { LabError, whatWentWrong } from './remote.ts';

/** Directories that every Linux has (FHS 3.0) and that no program the lab runs lives in. */
const CANDIDATES = ['/mnt', '/media', '/srv', '/opt', '/run'];

/** The source it has in /proc/PID/mountinfo. */
export const TMPFS_NAME = 'rsprep-lab';

/**
 * Mounts a tmpfs in the lab's private mount namespace and gives its path. It covers a directory of the machine for the lab
 * alone, and is gone with the lab, however that ends: nothing is ever written to the machine's own files.
 * @param needed paths that must stay visible.
 */
export async function mountFolder(needed: readonly string[]): Promise<string> {
  const kept = needed.flatMap((path) => [path, realPath(path) ?? path]);
  const folder = CANDIDATES.find(
    (path) => realPath(path) === path && !kept.some((one) => `${one}/`.startsWith(`${path}/`)),
  );
  if (folder === undefined) {
    throw new LabError(`no directory to mount the lab's files on (tried ${CANDIDATES.join(', ')})`, 'mkdir /mnt');
  }
  const argv = ['mount', '-t', 'tmpfs', '-o', 'mode=0755,size=64m', TMPFS_NAME, folder];
  const outcome = await run({ argv, input: '', timeoutMs: 5_000 });
  if (outcome.kind === 'missing' || outcome.status !== 0) {
    throw new LabError(`${argv.join(' ')}: ${whatWentWrong(outcome)}`, 'try it as root, outside of a container');
  }
  return folder;
}

/** A folder that nobody else may write in, and those above it. */
export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null; // not there: then it is no candidate, and hides nothing
  }
}
