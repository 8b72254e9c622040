import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { Refused } from './errors.ts';

export interface ChaseOptions {
  /** Whether a link at the end of the path is followed as well. */
  readonly last: 'follow' | 'keep';
  /** Whether a link is refused that somebody else could have put there: where root is going to write. */
  readonly guarded?: boolean;
}

/** As the kernel (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * Follows a path as the kernel does (path_resolution(7)), but as if `root` were `/`: absolute links lead to inside of it, and `..` ends at
 * it (CHASE_PREFIX_ROOT of systemd's chase()). What is not there, or cannot be looked at, is no link.
 * @returns the path below the root, with no link in it
 * @throws ELOOP for links that lead in a circle, Refused for a guarded one
 */
export function chase(root: string, path: string, { last, guarded = false }: ChaseOptions): string {
  const base = root.replace(/\/+$/, '');
  let current = '';
  let pending = stepsOf(path);
  let links = 0;
  for (;;) {
    const step = pending.shift();
    if (step === undefined) return current || '/';
    if (step === '..') {
      current = current.slice(0, Math.max(0, current.lastIndexOf('/')));
      continue;
    }
    const next = `${current}/${step}`;
    const stats = pending.length === 0 && last === 'keep' ? null : statsOf(base + next);
    if (!stats?.isSymbolicLink()) {
      current = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw Object.assign(new Error(`too many links: ${base + next}`), { code: 'ELOOP' });
    if (guarded) refuseOfOthers(base, current, next, stats);
    const target = readlinkSync(base + next);
    if (target.startsWith('/')) current = '';
    pending = [...stepsOf(target), ...pending];
  }
}

/** What stands directly in the root was put there with it, and whoever names a `--root` trusts that. */
function refuseOfOthers(base: string, folder: string, link: string, { uid }: Stats): void {
  const stats = folder === '' ? null : statsOf(base + folder);
  if (stats === null || !othersMayReplace(stats, uid)) return;
  throw new Refused(`${base + link} is a link, in a folder where others than root may put one`);
}

/**
 * Whether somebody else than root can put something in the place of an entry of this folder. Group's bits are the mask of an ACL where there
 * is one (acl(5)), so that they show whether anybody is given more. In a sticky folder only the owner can.
 */
function othersMayReplace(folder: Stats, ownerOfEntry: number): boolean {
  if (folder.uid !== 0) return true;
  return (folder.mode & 0o022) !== 0 && ((folder.mode & 0o1000) === 0 || ownerOfEntry !== 0);
}

function statsOf(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null; // whoever opens it is told why it cannot be
  }
}

const stepsOf = (path: string): string[] => path.split('/').filter((step) => step !== '' && step !== '.');
