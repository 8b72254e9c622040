import { statSync } from 'node:fs';
import { errorText, isAbsent } from './errors.ts';

/** Changes whenever the file is replaced or written; a file that cannot be looked at has one as well. Never throws. */
export function identity(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return isAbsent(error) ? 'absent' : errorText(error);
  }
}
