// The C code under AddressSanitizer and UndefinedBehaviorSanitizer, for a few seconds with a new seed each time.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { must, run } from '../support/process.ts';

const root = join(import.meta.dirname, '../..');
const sources = ['engine', 'send', 'guard', 'wire', 'answer', 'setup'].map((name) =>
  join(root, `src/native/udp/${name}.c`),
);
const seconds = Number(process.env.RSPREP_FUZZ_SECONDS ?? '8');
const seed = Number(process.env.RSPREP_FUZZ_SEED ?? Date.now() % 1_000_000_007);

/** The first compiler that has the sanitizers' libraries as well. */
function compile(): string {
  const folder = join(root, 'build/tools');
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `fuzz-${process.pid}`);
  const flags = ['-std=gnu11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fno-omit-frame-pointer'];
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const tried = ['cc', 'gcc', 'clang'].map((compiler) => {
    const known = run(['sh', '-c', `command -v ${compiler}`]).code === 0;
    return known && !existsSync(output)
      ? run([compiler, ...flags, ...sanitizers, '-o', output, join(import.meta.dirname, 'fuzz.c'), ...sources])
      : null;
  });
  if (!existsSync(output))
    throw new Error(`no compiler with sanitizers:\n${tried.map((t) => t?.stderr ?? 'not there').join('\n')}`);
  return output;
}

it(`is clean for ${seconds} s`, { timeout: (seconds + 120) * 1000 }, () => {
  const fuzz = compile();
  const outcome = run([fuzz, String(seconds), String(seed)], { timeoutMs: (seconds + 60) * 1000 });
  must(['rm', '-f', fuzz]);
  expect(outcome.stderr, `RSPREP_FUZZ_SEED=${seed} shows it again`).toBe('');
  expect(outcome.code).toBe(0);
  const counts = JSON.parse(outcome.stdout) as Record<string, number>;
  // It reaches every stage: a run in which nothing was answered would prove nothing.
  expect(counts.inspected).toBeGreaterThan(10_000 * seconds);
  for (const stage of ['passed', 'parsed', 'answered', 'bytesThroughTheKernel'])
    expect(counts[stage]).toBeGreaterThan(1000);
});
