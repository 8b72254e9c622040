import { defineConfig } from 'vitest/config';

// One at a time, because they measure; one more try for what a busy machine delayed: the runner names each, and fails a run with too many
// (MOST_RETRIED in scripts/test/verdict.mjs).
const KERNEL = {
  ...{ fileParallelism: false, retry: 1, pool: 'forks', testTimeout: 180_000, hookTimeout: 180_000 },
  globalSetup: 'test/support/built.ts',
} as const;

/** Floods, load and deadlines: one file at a time. All other namespace tests go two at a time. */
const LOAD = [
  'test/netns/{order,leak,kill,flap,many,confirm,concurrency}.test.ts',
  'test/netns/udp/**/*.test.ts',
  'test/native/**/*.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      // Nothing in them waits: the limit is for a busy machine.
      {
        test: {
          name: 'unit',
          globalSetup: 'test/support/built.ts',
          isolate: false,
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          include: ['test/unit/**/*.test.ts'],
        },
      },
      // Tens of thousands of generated documents, and a whole release: too slow for `npm run check`.
      { test: { name: 'generated', include: ['test/generated/**/*.test.ts'] } },
      {
        test: {
          ...KERNEL,
          fileParallelism: true,
          maxWorkers: 2,
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          exclude: LOAD,
        },
      },
      { test: { ...KERNEL, name: 'load', include: LOAD } },
      // Two commands at a time. No second try: a fault that one run in two survives is found only by the other.
      {
        test: {
          ...KERNEL,
          ...{ fileParallelism: true, maxWorkers: 2, retry: 0, testTimeout: 0 },
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
        },
      },
      // Two roots at once: most of it is unpacking and waiting for registries.
      { test: { name: 'fresh', include: ['test/fresh/**/*.test.ts'], pool: 'forks', hookTimeout: 300_000 } },
      {
        test: {
          ...KERNEL,
          name: 'real',
          // One process for all files, so that some of them can share a guest (test/real/support/shared.ts).
          isolate: false,
          include: ['test/real/**/*.test.ts'],
          setupFiles: ['test/real/support/priority.ts'],
        },
      },
    ],
  },
});
