import { lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import path from 'node:path';
import { quote } from './quote.ts';

/** Why a file is not to be believed, and what to do about it. */
export interface Distrust {
  readonly message: string;
  readonly expected: string;
  readonly received: string;
  readonly hint: string;
}

/** What is to be believed: its name in messages, and how to do without it where it is not. */
export interface Subject {
  readonly name: string;
  readonly otherwise: string;
}

const CONFIGURATION: Subject = { name: 'the configuration', otherwise: 'give the text with "--config -"' };

/** User ids that may own the configuration and every directory on the way to it. */
export type TrustedOwners = ReadonlySet<number>;

const GROUP_OR_OTHER_WRITE = 0o022;
const STICKY = 0o1000;
/** As the kernel (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * Root and the running user: root can do anything anyway, and nobody is attacked by themselves. In a user namespace every
 * id that is not mapped looks like the overflow id, the real root too (user_namespaces(7)); a process in there can do no
 * more than the user who made it, so that id is taken as well.
 */
export function trustedOwners(): TrustedOwners {
  const owners = new Set([0, process.geteuid?.() ?? 0]);
  const whole = /^\s*0\s+0\s+4294967295\s*$/;
  if (!whole.test(readOr('/proc/self/uid_map', '0 0 4294967295'))) {
    owners.add(Number(readOr('/proc/sys/kernel/overflowuid', '65534')));
  }
  return owners;
}

/**
 * Follows a path as the kernel does (path_resolution(7)) and gives the file at its end, without links. Distrusts every
 * directory in which somebody else could put another file, or another directory, in the place of the next step: owned by
 * somebody else, or writable by group or others. A sticky one is fine (in /tmp only the owner of an entry can replace it, and
 * the owner of the entry is looked at as well). The same rule as sshd's StrictModes, for links and their targets.
 * What is below `root` (`--root`) is followed as on the host that the root is for: absolute links lead to inside it, and `..` ends at it.
 * Throws the system's error if a step does not exist or cannot be looked at.
 */
export function resolveTrusted(file: string, owners: TrustedOwners, root = '/', subject = CONFIGURATION): Resolved {
  if (root !== '/' && file.startsWith(`${root}/`)) {
    const top = resolveTrusted(root, owners, '/', subject);
    return top.kind === 'trusted' ? walk(top.path, file.slice(root.length), owners, subject) : top;
  }
  return walk('/', file.startsWith('/') ? file : `${process.cwd()}/${file}`, owners, subject);
}

type Resolved =
  | { readonly kind: 'trusted'; readonly path: string }
  | { readonly kind: 'distrusted'; readonly why: Distrust };

function walk(top: string, file: string, owners: TrustedOwners, subject: Subject): Resolved {
  let current = top;
  // Not path.resolve(): it takes "link/.." for nothing, the kernel goes to the parent of the link's target.
  let pending = file.split('/').filter(isStep);
  let links = 0;
  for (;;) {
    const directory = lstatSync(current);
    const why = distrustDirectory(current, directory, owners, subject);
    if (why !== null) return { kind: 'distrusted', why };
    const step = pending.shift();
    if (step === undefined) return { kind: 'trusted', path: current };
    if (step === '..') {
      if (current !== top) current = path.dirname(current);
      continue;
    }
    const next = path.join(current, step);
    const stats = lstatSync(next);
    if (stats.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw Object.assign(new Error(`too many links: ${next}`), { code: 'ELOOP' });
      // In a sticky directory anyone can make a link of their own; only its owner tells whose it is.
      if (!owners.has(stats.uid)) return { kind: 'distrusted', why: ownerOf('the link', next, stats, owners, subject) };
      const target = readlinkSync(next);
      if (target.startsWith('/')) current = top;
      pending = [...target.split('/').filter(isStep), ...pending];
      continue;
    }
    if (pending.length === 0) return { kind: 'trusted', path: next };
    if (!stats.isDirectory()) throw Object.assign(new Error(`not a directory: ${next}`), { code: 'ENOTDIR' });
    current = next;
  }
}

/** Whether somebody else may write the file itself; null if not. `stats` are those of the open descriptor. */
export function distrustFile(
  file: string,
  stats: Stats,
  owners: TrustedOwners,
  subject = CONFIGURATION,
): Distrust | null {
  if (!owners.has(stats.uid)) return ownerOf(subject.name, file, stats, owners, subject);
  if ((stats.mode & GROUP_OR_OTHER_WRITE) === 0) return null;
  return {
    message: `others may write ${subject.name} ${quote(file)}`,
    expected: 'a mode without write permission for group and others, such as 0644',
    received: octal(stats),
    hint: `chmod go-w ${shellQuote(file)}`,
  };
}

function distrustDirectory(directory: string, stats: Stats, owners: TrustedOwners, subject: Subject): Distrust | null {
  if (!stats.isDirectory()) return null;
  if (!owners.has(stats.uid)) return ownerOf('the directory', directory, stats, owners, subject);
  if ((stats.mode & GROUP_OR_OTHER_WRITE) === 0 || (stats.mode & STICKY) !== 0) return null;
  return {
    message: `others may replace ${subject.name} in the directory ${quote(directory)}`,
    expected: 'a mode without write permission for group and others, such as 0755',
    received: octal(stats),
    hint: `chmod go-w ${shellQuote(directory)}, or keep the file elsewhere`,
  };
}

function ownerOf(what: string, file: string, stats: Stats, owners: TrustedOwners, { otherwise }: Subject): Distrust {
  const users = [...owners].filter((uid) => uid !== 0);
  return {
    message: `${what} ${quote(file)} belongs to somebody else`,
    expected: `user 0 (root)${users.length === 0 ? '' : ` or ${users.join(' or ')}`} as its owner`,
    received: `user ${stats.uid}`,
    hint: `if that is right: chown root ${shellQuote(file)}; otherwise ${otherwise}`,
  };
}

/** A file name to paste into a shell; FILE if it has characters that a terminal may act on. */
export function shellQuote(file: string): string {
  if (/[^\x20-\x7e]/.test(file)) return 'FILE';
  return /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`;
}

const isStep = (step: string): boolean => step !== '' && step !== '.';
const octal = (stats: Stats): string => `mode 0${(stats.mode & 0o7777).toString(8)}`;
function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // No /proc: then there is no namespace to tell apart either.
    return otherwise;
  }
}
