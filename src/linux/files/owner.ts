import { fstatSync } from 'node:fs';
import { errorText, Refused } from './errors.ts';

/** Whether this process may do anything to anybody's files, and so must not be led to where others want it. */
export const isRoot = (): boolean => process.geteuid?.() === 0;

/**
 * From here on the kernel lets root do no more than the owner of an open folder could do himself: whatever he puts there, links included,
 * leads him to nothing new. And what is made there is his, so that he can replace it.
 * @returns the way back; null where nothing changes: the folder is root's, or this is not root
 * @throws Refused where this process may not become that user
 */
export function becomeOwnerOf(fd: number): (() => void) | null {
  const { uid, gid } = fstatSync(fd);
  if (!isRoot() || uid === 0) return null;
  const groups = process.getgroups?.() ?? [];
  const group = process.getegid?.() ?? 0;
  const undo: (() => void)[] = [];
  const back = (): void => {
    while (undo.length > 0) undo.pop()?.();
  };
  try {
    process.setgroups?.([gid]);
    undo.push(() => process.setgroups?.(groups));
    process.setegid?.(gid);
    undo.push(() => process.setegid?.(group));
    process.seteuid?.(uid);
    undo.push(() => process.seteuid?.(0));
  } catch (error) {
    back();
    throw new Refused(
      `the folder belongs to user ${uid}, and this process may not act as that user (${errorText(error)})`,
    );
  }
  return back;
}
