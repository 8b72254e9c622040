import { readFileSync, unlinkSync } from 'node:fs';
import { someNamesIn } from './folders.ts';
import type { Folder } from './handle.ts';

/** Process, the first of its boot's id, and a number that nobody can guess. No reader of a .d folder takes such a name, nor does node_exporter. */
const TEMPORARY = /^\.rsprep-(\d+)-([0-9a-f]{8})-[0-9a-f]{32}$/;
/** In a folder that somebody fills with names we do not look for ours for ever. */
const MOST_NAMES = 10_000;

export const temporaryName = (): string => `.rsprep-${process.pid}-${boot()}-${uuid('uuid').replaceAll('-', '')}`;

/** Deletes what killed runs left: names of an earlier boot, or of a process that is gone. Never fails: it is not what anybody asked for. */
export function sweep(folder: Folder): void {
  for (const name of temporaryNames(folder)) {
    if (!isLeft(name)) continue;
    try {
      unlinkSync(folder.at(name));
    } catch {
      // Another run was quicker, or the file system is read-only: the next run tries again.
    }
  }
}

function temporaryNames(folder: Folder): readonly string[] {
  try {
    return someNamesIn(folder.at('.'), MOST_NAMES).filter((name) => TEMPORARY.test(name));
  } catch {
    return []; // may not be listed: then nothing is swept
  }
}

function isLeft(name: string): boolean {
  const [, pid, itsBoot] = TEMPORARY.exec(name) ?? [];
  if (pid === undefined) return false;
  return itsBoot !== boot() || !isAlive(Number(pid));
}

/** By a signal that does nothing: /proc may hide the processes of others (hidepid=, proc(5)). */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

const boot = (): string => uuid('boot_id').slice(0, 8);
/** random(4): not node:crypto, which takes longer to load than all of this. */
const uuid = (which: 'uuid' | 'boot_id'): string => readFileSync(`/proc/sys/kernel/random/${which}`, 'utf8').trim();
