// These tests measure, and a guest is one process of the host: what else runs on the machine must not decide them. They need
// little of the processor, but at once. Guests and everything else a test starts inherit it.
import { setPriority } from 'node:os';

try {
  setPriority(-10);
} catch (error) {
  // Not allowed in some containers: then the limits have to do.
  if (!(error instanceof Error && 'code' in error && ['EACCES', 'EPERM'].includes(String(error.code)))) throw error;
}
