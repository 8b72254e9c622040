import { writeSync } from 'node:fs';
import { loadNative } from '../../udp/native.ts';
import { errorCode } from '../files/errors.ts';

/** PIPE_BUF (pipe(7)): where poll(2) says that a pipe can be written to, this much goes in without waiting. */
const MOST_BYTES = 4096;

/**
 * Writes as much as can be written without waiting for whoever reads it. The descriptor stays blocking, because others share it.
 * @returns how many bytes are done with: 0 where nobody has read yet; all of them where nobody ever will (EPIPE, EBADF …)
 */
export function writeAtOnce(fd: number, bytes: Uint8Array): number {
  let done = 0;
  try {
    while (done < bytes.length && loadNative().writable(fd) === 1) {
      done += writeSync(fd, bytes, done, Math.min(MOST_BYTES, bytes.length - done));
    }
    return done;
  } catch (error) {
    return errorCode(error) === 'EAGAIN' ? done : bytes.length;
  }
}
