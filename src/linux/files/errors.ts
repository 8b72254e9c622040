import type { UnreadableCause } from '../../core/model/reading.ts';

/** What rsprep itself will not do with a file of somebody else's. The message is for people. */
export class Refused extends Error {
  readonly code = 'EPERM';
}

/** A system call that failed, in an operator's words. */
export function errorText(error: unknown): string {
  if (error instanceof Refused) return error.message;
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
  EFBIG: 'the file would be larger than this process may write (ulimit -f)',
  EDQUOT: 'disk quota exceeded',
  ENOENT: 'no such file or directory',
  EINVAL: 'the kernel refuses the value as invalid',
  EMFILE: 'this process may open no more files (ulimit -n)',
  ENFILE: 'the system may open no more files (fs.file-max)',
  ENAMETOOLONG: 'a name in it is too long',
  ELOOP: 'it is a link that is not followed, or links that lead in a circle',
  EAGAIN: 'another process keeps it from being read (a lease)',
  EIO: 'input/output error',
  ETIMEDOUT: 'it did not answer in time',
};
