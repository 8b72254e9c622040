import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { loadNative, pidfdGetsockopt } from '../../udp/native.ts';
import { errorCode } from '../files/errors.ts';
import { namesOrNone } from '../files/folders.ts';

/** A process that has a socket open, and under which number. */
export interface Holder {
  readonly pid: number;
  readonly fd: number;
  /** `named (pid 812)`. */
  readonly name: string;
}

export const processIds = (): readonly number[] => namesOrNone('/proc').map(Number).filter(Number.isInteger);

export const nameOf = (pid: number): string => {
  try {
    return `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (pid ${pid})`;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return `pid ${pid}`;
  }
};

/** Who holds these sockets, as far as this user may see. Stops as soon as all are found. */
export function holdersOf(inodes: ReadonlySet<string>): ReadonlyMap<string, Holder> {
  const found = new Map<string, Holder>();
  if (inodes.size === 0) return found;
  for (const pid of processIds()) {
    for (const fd of descriptors(pid)) {
      const inode = socketInode(pid, fd);
      if (inode === null || !inodes.has(inode) || found.has(inode)) continue;
      found.set(inode, { pid, fd: Number(fd), name: nameOf(pid) });
      if (found.size === inodes.size) return found;
    }
  }
  return found;
}

function descriptors(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return []; // another user's, or gone
  }
}

function socketInode(pid: number, fd: string): string | null {
  try {
    const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return link.startsWith('socket:[') ? link.slice(8, -1) : null;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null; // closed meanwhile
  }
}

/** getsockopt(2) on somebody else's socket; absent where nobody we may look at holds it. */
export function askSocket(holder: Holder | null, level: number, option: number): Reading<number> {
  if (holder === null)
    return unreadable(isRoot() ? 'io' : 'privilege', 'no process that this user may look at holds the socket');
  const ask = native();
  if (typeof ask === 'string') return unreadable('io', ask);
  const result = ask(holder.pid, holder.fd, level, option);
  if (result >= 0) return value(result);
  if (result === -EPERM || result === -EACCES) {
    return unreadable('privilege', `looking at a socket of ${holder.name} needs CAP_SYS_PTRACE`);
  }
  if (result === -ENOSYS) return unreadable('io', 'this kernel has no pidfd_getfd(2), which came with Linux 5.6');
  // The process has ended, or has closed the socket; anything else (no descriptor left, say) says nothing about it.
  return result === -ESRCH || result === -EBADF
    ? absent
    : unreadable('io', `a socket of ${holder.name} could not be asked (errno ${-result})`);
}

const [EPERM, ESRCH, EBADF, EACCES, ENOSYS] = [1, 3, 9, 13, 38];
const isRoot = (): boolean => process.getuid?.() === 0;

/** The addon, loaded when the first socket is to be asked; a word about why not where it cannot be. */
function native(): typeof pidfdGetsockopt | string {
  try {
    loadNative();
    return pidfdGetsockopt;
  } catch (error) {
    return `rsprep's addon, which asks for this, could not be loaded (${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)})`;
  }
}
