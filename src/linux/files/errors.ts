import type { UnreadableCause } from '../../core/model/reading.ts';

/** A system call that failed, in an operator's words. */
export function errorText(error: unknown): string {
  const code = errorCode(error);
  const known = code === null ? undefined : KNOWN[code];
  if (known !== undefined) return `${known} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

export function errorCode(error: unknown): string | null {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : null;
}

/** Why a system call could not read what is there. */
export const causeOf = (error: unknown): UnreadableCause => (isPrivilege(error) ? 'privilege' : 'io');

export const isPrivilege = (error: unknown): boolean => ['EACCES', 'EPERM'].includes(errorCode(error) ?? '');

/** No such file, or the interface it belonged to vanished between two calls. */
export const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR'].includes(errorCode(error) ?? '');

const KNOWN: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'disk quota exceeded',
  ENOENT: 'no such file or directory',
  EINVAL: 'the kernel refuses the value as invalid',
  EIO: 'input/output error',
  ETIMEDOUT: 'it did not answer in time',
};
