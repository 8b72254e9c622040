import { NETWORK_MODULES } from './inside.ts';
import { type Guest, startGuest } from './uml.ts';

let booting: Promise<Guest> | undefined;

/**
 * One guest for all files that change nothing in it but namespaces which `segment` makes anew, files below /run, and what those leave
 * running in them: they end it. The files of this tier run one after the other in one process (`isolate: false`), with which it ends.
 */
export function sharedGuest(): Promise<Guest> {
  booting ??= startGuest({ init: 'plain', modules: NETWORK_MODULES, bootTimeoutMs: 200_000 }).catch(
    (cause: unknown) => {
      booting = undefined; // the next file tries again, and says why itself
      throw cause;
    },
  );
  return booting;
}
