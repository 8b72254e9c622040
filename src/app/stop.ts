import type { Unreadable } from '../core/model/reading.ts';
import type { Failure } from './ports/host.ts';

/** What could not be read, as the reason why something is not done. @param what what is not done, in words */
export const stop = ({ cause, reason }: Unreadable, what: string, next: string): Failure => ({
  kind: cause === 'privilege' ? 'permission' : 'failed',
  message: `${what}: ${reason}`,
  next: cause === 'privilege' ? 'run this as root' : next,
});
