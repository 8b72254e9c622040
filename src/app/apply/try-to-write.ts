import type { Failure } from '../ports/host.ts';

/** A write that may fail, as a value. */
export async function tryToWrite(work: () => Promise<void> | void, what: string): Promise<Failure | null> {
  try {
    await work();
    return null;
  } catch (error) {
    const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    return {
      kind: 'failed',
      message,
      next: 'make /var/lib/rsprep writable, and see that its file system has free space',
    };
  }
}
