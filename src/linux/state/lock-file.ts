import {
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { closeQuietly } from '../files/close.ts';
import { errorCode } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { namesOrNone } from '../files/folders.ts';
import { folderOf, inFolder } from '../files/handle.ts';
import { LOCK_PATH, type Paths } from '../files/paths.ts';

/**
 * The open lock file. Whoever can open a file can also lock it (flock(2) asks for no permission), so nobody else may: 0600 in a
 * folder of 0700. A loose one is an older version's: others may have it open, and so locked, for as long as they like.
 */
export interface LockFile {
  readonly folder: number;
  readonly fd: number;
  readonly inode: number;
  readonly isLoose: boolean;
}

/** Something that is not the lock file of ours. */
export class NotOurs extends Error {
  readonly next: string;
  constructor(message: string, next: string) {
    super(message);
    this.next = next;
  }
}

const LOCK_FOLDER = dirname(LOCK_PATH);
const OTHERS = 0o077;
const { O_RDONLY, O_RDWR, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * @param path of the lock, for messages
 * @throws NotOurs, or the system's error.
 */
export function openLockFile(paths: Paths, path: string): LockFile {
  const folder = openFolder(paths, dirname(path));
  try {
    const { fd, stats } = openFile(folder, 'lock', path);
    return { folder, fd, inode: stats.ino, isLoose: (stats.mode & OTHERS) !== 0 };
  } catch (error) {
    closeQuietly(folder);
    throw error;
  }
}

/**
 * Never by path: below a --root somebody else may exchange a folder with a link to one of this machine. What is behind the descriptor is what
 * was looked at.
 */
function openFolder(paths: Paths, path: string): number {
  mkdirSync(paths.root, { recursive: true, mode: 0o755 });
  const parent = inFolder(paths, dirname(LOCK_FOLDER), true, (above) =>
    openSync(above.at('.'), O_RDONLY | O_DIRECTORY),
  );
  try {
    return enterOurs(parent, path);
  } finally {
    closeQuietly(parent);
  }
}

function enterOurs(parent: number, path: string): number {
  const name = at(parent, basename(path));
  try {
    mkdirSync(name, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  mustBeGuarded(dirname(path), fstatSync(parent));
  let fd: number;
  try {
    fd = openSync(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (!['ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) throw error;
    throw new NotOurs(`${path} is a link or a file; expected a folder`, `look at what it is, then remove ${path}`);
  }
  const stats = fstatSync(fd);
  try {
    mustBeOurs(path, stats);
    if ((stats.mode & OTHERS) !== 0) fchmodSync(fd, 0o700);
    return fd;
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
}

/** Whoever may put another folder in the place of ours would have a lock of their own. */
function mustBeGuarded(path: string, { uid, mode }: Stats): void {
  const user = process.geteuid?.() ?? 0;
  const isOpen = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
  if (!isOpen && (uid === 0 || uid === user)) return;
  const seen = isOpen ? `mode 0${(mode & 0o7777).toString(8)}` : `user ${uid} as its owner`;
  throw new NotOurs(
    `${path} has ${seen}; expected a folder in which only root may write`,
    `chown root ${path}, chmod go-w ${path}`,
  );
}

function openFile(folder: number, name: string, path: string): { readonly fd: number; readonly stats: Stats } {
  const fd = openWritable(at(folder, name), path);
  const stats = fstatSync(fd);
  try {
    // Something else under a second name would be emptied when the holder is noted.
    if (!stats.isFile() || stats.nlink > 1)
      throw new NotOurs(
        `${path} is ${stats.isFile() ? 'one name of a file that has several' : 'no file'}; expected a file of its own`,
        `look at what it is, then remove ${path}`,
      );
    mustBeOurs(path, stats);
    return { fd, stats };
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
}

/** flock(2) needs no writing: a /run that has become read-only must not keep anybody from closing a leak. */
function openWritable(file: string, path: string): number {
  try {
    return openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (code === 'EROFS') return openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!['ELOOP', 'ENXIO', 'EISDIR'].includes(code)) throw error;
    throw new NotOurs(`${path} is no file; expected a file of its own`, `look at what it is, then remove ${path}`);
  }
}

function mustBeOurs(path: string, { uid }: Stats): void {
  const user = process.geteuid?.() ?? 0;
  if (uid === user) return;
  throw new NotOurs(
    `${path} belongs to user ${uid}; expected user ${user}${user === 0 ? ' (root)' : ''}`,
    `find out who made it, then remove ${path}`,
  );
}

/** Through the folder's descriptor: nothing before the last name can change its meaning. */
const at = (folder: number, name: string): string => folderOf(folder).at(name);

const inodeAt = (folder: number, name: string): number | null =>
  lstatSync(at(folder, name), { throwIfNoEntry: false })?.ino ?? null;

/** Whether the one that is locked is the one that others will open: a file may be replaced while it is waited for. */
export const isInPlace = ({ folder, inode }: LockFile): boolean => inodeAt(folder, 'lock') === inode;

export function closeLockFile({ folder, fd }: LockFile): void {
  closeQuietly(fd);
  closeQuietly(folder);
}

/** What its holder wrote into it. */
export function contentOf({ fd }: LockFile): string {
  const bytes = Buffer.alloc(4096);
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0));
}

/** Opens the file that will take the place of a loose one. Whoever holds its lock may put it there. @throws as openLockFile */
export function openSuccessor({ folder }: LockFile, path: string): LockFile {
  const { fd, stats } = openFile(folder, 'lock.new', `${path}.new`);
  return { folder, fd, inode: stats.ino, isLoose: (stats.mode & OTHERS) !== 0 };
}

/** @param next whose lock is held @returns whether it is in place now; not where another rsprep was faster */
export function putInPlace(loose: LockFile, next: LockFile): boolean {
  if (inodeAt(next.folder, 'lock.new') !== next.inode) return false;
  if (!isInPlace(loose) || next.isLoose) {
    unlinkSync(at(next.folder, 'lock.new'));
    return false;
  }
  renameSync(at(next.folder, 'lock.new'), at(next.folder, 'lock'));
  return true;
}

/**
 * Whether a process that this very user started holds the lock (proc(5): fdinfo names the locks of a descriptor, since Linux 4.1).
 * Also where that cannot be seen: root without CAP_SYS_PTRACE, as in our units, sees few processes.
 */
export function isHeldByUs({ inode }: LockFile): boolean {
  const user = process.getuid?.() ?? 0;
  if (user === 0 && !mayLookAtAll()) return true;
  const held = new RegExp(`^lock:.*FLOCK.*:${inode} `, 'm');
  return namesOrNone('/proc').some((pid) => {
    if (!/^\d+$/.test(pid) || realUserOf(pid) !== user) return false;
    return namesOrNone(`/proc/${pid}/fdinfo`).some((fd) => held.test(textOf(`/proc/${pid}/fdinfo/${fd}`)));
  });
}

/** capabilities(7): CAP_SYS_PTRACE is 19. */
const mayLookAtAll = (): boolean =>
  ((BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(textOf('/proc/self/status'))?.[1] ?? 0}`) >> 19n) & 1n) === 1n;

/** The real one: a program with the set-user-ID bit inherits whatever its caller had open. */
const realUserOf = (pid: string): number => Number(/^Uid:\s*(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? -1);

function textOf(path: string): string {
  const text = readText(path);
  return text.kind === 'value' ? text.value : ''; // it has ended meanwhile
}
