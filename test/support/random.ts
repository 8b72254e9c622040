/** Repeatable random numbers in [0, 1) (mulberry32): a failure names its seed, and the seed brings the same run back. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** RSPREP_TEST_SEED, or a new one for each run. */
export function pickSeed(): number {
  return Number(process.env.RSPREP_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
}
