import { statSync } from 'node:fs';
import { isAbsent, isPrivilege } from './errors.ts';

/**
 * Does something with files as the owner of their directory. Root thereby leaves no file of root's where the user `rsprep`
 * has to write next, and follows no link that this user could have put there to make root write elsewhere.
 * Without privilege, or in a directory of one's own, this changes nothing.
 */
export function asOwnerOf<T>(directory: string, act: () => T): T {
  const owner = process.geteuid?.() === 0 ? ownerOf(directory) : null;
  if (owner === null || owner.uid === 0) return act();
  const gid = process.getegid?.() ?? 0;
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
  const back = (): void => {
    process.seteuid?.(0);
    process.setegid?.(gid);
  };
  let result: T;
  try {
    result = act();
  } catch (error) {
    back();
    throw error;
  }
  if (result instanceof Promise) return result.finally(back) as T;
  back();
  return result;
}

/** null where there is no such directory yet: whoever makes it owns it. */
function ownerOf(directory: string): { readonly uid: number; readonly gid: number } | null {
  try {
    return statSync(directory);
  } catch (error) {
    if (isAbsent(error) || isPrivilege(error)) return null;
    throw error;
  }
}
