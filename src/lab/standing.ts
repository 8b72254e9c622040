// Labs that --keep left standing are found in /proc, by the titles of their processes: no file records them, so none can be
// left behind or be wrong.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../linux/files/errors.ts';
import { TMPFS_NAME } from './folder.ts';
import { HOST_NAMES, type HostName } from './topology.ts';

/** Title of a process: the id of its lab, and what it is there. Shown by ps(1) too. */
export const labTitle = (id: number, part: string): string => `rsprep lab ${id}: ${part}`;
export const KEPT = 'kept';
export const hostPart = (name: HostName): string => `host ${name}`;
const TITLE = /^rsprep lab (\d+): (.*)$/;

export interface StandingLab {
  /** Of its first process, on this machine: when that ends, the kernel ends everything else in the lab. */
  readonly pid: number;
  /** Of the agent in each host, for nsenter(1). */
  readonly hosts: Readonly<Partial<Record<HostName, number>>>;
  /** It lives in a user namespace: made by somebody who is not root. */
  readonly userNamespace: boolean;
  /** Where its files are, inside; null if that cannot be read. */
  readonly folder: string | null;
}

/** The kept labs of this user. */
export function standingLabs(): readonly StandingLab[] {
  const own = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(look);
  return own
    .filter(({ part, innerPid }) => part === KEPT && innerPid === 1)
    .map((first) => ({
      pid: first.pid,
      userNamespace: first.user !== readlinkSync('/proc/self/ns/user'),
      folder: folderOf(first.pid),
      hosts: Object.fromEntries(
        HOST_NAMES.flatMap((name) =>
          own
            .filter(({ part, space }) => part === hostPart(name) && space === first.space)
            .map(({ pid }) => [name, pid]),
        ),
      ),
    }));
}

const GONE_WITHIN_MS = 5_000;
/** What reading /proc says of a process that has ended, or belongs to somebody else. */
const GONE = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

/** Ends a lab and waits until it is gone. @returns false if it is still there after a few seconds. */
export async function takeDown(lab: StandingLab): Promise<boolean> {
  const pids = [lab.pid, ...Object.values(lab.hosts)];
  const starter = parentOf(lab.pid);
  process.kill(lab.pid, 'SIGKILL');
  const deadlineMs = performance.now() + GONE_WITHIN_MS;
  while (isStarter(starter) || pids.some((pid) => look(String(pid)).length > 0)) {
    if (performance.now() > deadlineMs) return false;
    await sleep(10);
  }
  return true;
}

/** The unshare(1) that started a lab waits for its first process, and ends a moment after it. @returns 0 when it is gone. */
function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(fileOf(pid, 'status'))?.[1] ?? 0);
}

const isStarter = (pid: number): boolean => pid > 1 && fileOf(pid, 'cmdline').startsWith('unshare\0');

/** A file of a process in /proc; empty when the process has ended. */
function fileOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (error) {
    if (GONE.includes(errorCode(error) ?? '')) return '';
    throw error;
  }
}

/** Of the tmpfs that folder.ts mounted: proc_pid_mountinfo(5). */
function folderOf(pid: number): string | null {
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n');
  return mounts.find((line) => line.includes(` - tmpfs ${TMPFS_NAME} `))?.split(' ')[4] ?? null;
}

interface Seen {
  readonly pid: number;
  readonly part: string;
  /** In the innermost process namespace. */
  readonly innerPid: number;
  readonly space: string;
  readonly user: string;
}

/** One process, if it is this user's and part of a lab. */
function look(name: string): readonly Seen[] {
  const directory = `/proc/${name}`;
  try {
    if (statSync(directory).uid !== process.getuid?.()) return [];
    const title = readFileSync(`${directory}/cmdline`, 'utf8').replace(/\0.*$/s, '').trim();
    const part = TITLE.exec(title)?.[2];
    if (part === undefined) return [];
    const pids = /^NSpid:\s*(.*)$/m.exec(readFileSync(`${directory}/status`, 'utf8'))?.[1] ?? '';
    return [
      {
        pid: Number(name),
        part,
        innerPid: Number(pids.trim().split(/\s+/).at(-1)),
        space: readlinkSync(`${directory}/ns/pid`),
        user: readlinkSync(`${directory}/ns/user`),
      },
    ];
  } catch (error) {
    // It ended while we looked, or belongs to somebody else after all.
    if (GONE.includes(errorCode(error) ?? '')) return [];
    throw error;
  }
}
