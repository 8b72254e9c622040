import { spawnSync } from 'node:child_process';

/** Extra CA certificates double the start of Node: they would hide what is measured. */
export const ENV = { ...process.env };
delete ENV.NODE_EXTRA_CA_CERTS;

/** Runs a command that must succeed. */
export function must(program, args, input = '') {
  const result = spawnSync(program, args, { env: ENV, input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} ${args.join(' ')}: ${result.stderr || result.stdout || result.error}`);
}

/** Milliseconds of each command, one after the other, round by round, so that a busy moment hits all of them. */
export function interleave(rounds, commands) {
  const samples = commands.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, [program, ...args]] of commands.entries()) {
      const startedMs = performance.now();
      must(program, args);
      samples[index].push(performance.now() - startedMs);
    }
  }
  return samples;
}

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const ratio = (values, base) => median(values) / median(base);
export const row = (name, values, times) =>
  `  ${name.padEnd(34)} ${median(values).toFixed(1).padStart(8)}  ${times.toFixed(2)}x`;
