/** Times are compared as text (ISO 8601), which holds up to the year 9999 (deadlines of ten years included), and a broken clock may say more than a Date can hold. */
const LAST_MS = Date.UTC(9980, 0);

/** The time for people. Deadlines have a clock that nobody can set (boot-clock.ts). */
export const wallClock = (): Date => new Date(Math.min(Date.now(), LAST_MS));
