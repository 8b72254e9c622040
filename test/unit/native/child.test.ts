// The addon's own functions, in a process of their own: where memory is not safe they end it.
import { join } from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';
import { run } from '../../support/process.ts';

const addon = join(import.meta.dirname, `../../../dist/rsprep-${process.arch}.node`);

/** What a function of the addon returns for each list of arguments, which are JavaScript. */
function results(name: string, calls: readonly string[]): number[] {
  const code = `const native = require(process.argv[1]); const words = (text) => Buffer.from(text);
    process.stdout.write(JSON.stringify([${calls.map((call) => `native.${name}(${call})`).join(', ')}]));`;
  const outcome = run([process.execPath, '-e', code, addon]);
  expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' });
  return JSON.parse(outcome.stdout) as number[];
}

const EINVAL = -22;
const ENOENT = -2;

it('bounds what counts says of programs, arguments and environment', () => {
  const start = (bytes: string, ...counts: number[]): string =>
    `${bytes}, Int32Array.of(${counts.join(', ')}), new Int32Array(4)`;
  const most = 2 ** 31 - 1;
  const refused = [
    start('Buffer.alloc(600)', most, most, 2), // their sum, as 32 bits, is 0
    start('Buffer.alloc(600)', most, 1, 0),
    start('Buffer.alloc(600)', 1, most, most),
    start('Buffer.alloc(600)', -1, 1, 1),
    start('Buffer.alloc(600)', 1, 1, -1),
    start('Buffer.alloc(600)', 0, 1, 0),
    start('Buffer.alloc(600)', 1, 0, 0),
    start('Buffer.alloc(600)', 100, 100, 57), // 257 words
    start('Buffer.alloc(255)', 100, 100, 56), // a word less than that
    start("Buffer.from('/a\\0b')", 1, 1, 0), // the last is not ended
    start('Buffer.alloc(0)', 1, 1, 0),
  ];
  expect(results('childStart', refused)).toEqual(refused.map(() => EINVAL));
  // As many as there may be: empty names of programs, of which none is there.
  expect(results('childStart', [start('Buffer.alloc(256)', 100, 100, 56)])).toEqual([ENOENT]);
});
