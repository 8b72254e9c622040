import { closeSync } from 'node:fs';

/** A close that fails has closed (close(2)); what it says matters only to whoever wrote and did not fsync. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // EIO, ENOSPC or EINTR: the descriptor is gone all the same.
  }
}
