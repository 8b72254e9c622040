import { loadNative } from './native.ts';

/** CLOCK_BOOTTIME in milliseconds: it counts the time a machine was suspended, and no step of the wall clock. */
export const bootTimeMs = (): number => loadNative().bootMs();
