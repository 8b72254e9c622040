/** A moment that no step of the wall clock can move: which boot, and how long after it, time asleep included (CLOCK_BOOTTIME). */
export interface BootMoment {
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  readonly ms: number;
}

/** A deadline on that clock. */
export interface BootSpan {
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Whether a span of this boot has ended. A clock that shows less than at its beginning is another one, such as that of a container
 * that was started again: then it has ended too.
 */
export const hasEnded = ({ fromMs, untilMs }: BootSpan, { ms }: BootMoment): boolean => ms >= untilMs || ms < fromMs;
