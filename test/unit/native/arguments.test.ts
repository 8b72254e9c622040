// The addon's functions with arguments that src never gives them, in a process of their own: where memory is not safe they end it.
import { join } from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';
import { run } from '../../support/process.ts';

const addon = join(import.meta.dirname, `../../../dist/rsprep-${process.arch}.node`);
const EINVAL = -22;
const EBADF = -9;

/** What each expression gives; `native`, an open `socket`, a closed one, and arrays of a kind that is not asked for are there. */
function results(expressions: readonly string[]): unknown[] {
  const code = `const native = require(process.argv[1]);
    const config = (...first) => Float64Array.from([2, 0, 4, 100, 24, 56, 0, 0, 0, 0], (usual, i) => first[i] ?? usual);
    const shared = () => new Uint8Array(4 * 4 * 36 + 65536);
    const open = (settings, memory) => native.open(-1, settings, new Uint8Array(0), {}, memory, () => {});
    const memory = shared(), socket = open(config(), memory), closed = open(config(), shared());
    const out = new Uint32Array(memory.buffer, 4 * 4 * 20, 4 * 16);
    native.bind(socket, Uint8Array.of(2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0));
    native.close(closed);
    const results = [${expressions.join(', ')}];
    native.close(socket);
    process.stdout.write(JSON.stringify(results));`;
  const outcome = run([process.execPath, '-e', code, addon]);
  expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' });
  return JSON.parse(outcome.stdout) as unknown[];
}

const each = (expressions: readonly string[], expected: unknown): void =>
  expect(results(expressions)).toEqual(expressions.map(() => expected));

it('takes nothing but an open socket for a socket', () => {
  const calls = ['{}', 'undefined', '1', 'closed'].flatMap((socket) => [
    `native.bind(${socket}, null)`,
    `native.name(${socket}, new Uint8Array(28))`,
    `native.poll(${socket}, 1)`,
    `native.flush(${socket}, 0, 1)`,
    `native.setOption(${socket}, 1, 8, new Uint8Array(4))`,
    `native.getOption(${socket}, 1, 8, new Uint8Array(4))`,
    `native.answer(${socket}, new Uint8Array(264), 1)`,
    `native.stats(${socket}, new Float64Array(30))`,
    `native.reference(${socket}, 1)`,
    `(native.close(${socket}), ${EBADF})`,
  ]);
  each(calls, EBADF);
});

it('takes no array for one of longer elements', () => {
  each(
    [
      'native.childStart(Buffer.from("/a\\0b\\0"), new Uint8Array(3), new Int32Array(4))',
      'native.childStart(Buffer.from("/a\\0b\\0"), Int32Array.of(1, 1, 0), new Uint8Array(4))',
      // Each of the counts would do, and there are words enough; all of them together are more than there is room for.
      'native.childStart(Buffer.from("/a\\0".repeat(1000)), Int32Array.of(200, 200, 200), new Int32Array(4))',
      'native.childStart(Buffer.from("/a\\0".repeat(1000)), Int32Array.of(1, 256, 256), new Int32Array(4))',
      'native.childStart(Buffer.from("/a\\0"), Int32Array.of(2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1), new Int32Array(4))',
      'native.childFinish(new Uint8Array(4), new Uint8Array(0), 1, 1, {})',
      'native.childFinish(Int32Array.of(2 ** 22 + 1, -1, -1, -1), null, 1, 1, {})',
      'native.childFinish(Int32Array.of(2 ** 22 + 1, -1, -1, -1), new Uint8Array(0), NaN, 1, {})',
      'native.childFinish(Int32Array.of(2 ** 22 + 1, -1, -1, -1), new Uint8Array(0), 1, -1, {})',
      'native.stats(socket, new Uint8Array(30))',
      'native.open(-1, new Uint8Array(10), new Uint8Array(0), {}, shared(), () => {})',
      'native.receiveBytes(new Uint8Array(4), 0, new Uint8Array(4096), new Int32Array(4))',
      'native.receiveBytes(Int32Array.of(0), 0, new Uint8Array(4096), new Uint8Array(4))',
    ],
    EINVAL,
  );
});

it('sends no slot that is not there, and no byte that is not in the memory it was given', () => {
  each(
    [
      'native.flush(socket, 0, 5)',
      'native.flush(socket, -1, 1)',
      'native.flush(socket, 3, 2)',
      'native.flush(socket, 0, 2 ** 31 - 1)',
      '(out.set([0, 65537]), native.flush(socket, 0, 1))',
      '(out.set([65537, 0]), native.flush(socket, 0, 1))',
      '(out.set([2 ** 32 - 1, 2]), native.flush(socket, 0, 1))',
    ],
    EINVAL,
  );
});

it('opens no socket of a configuration that is none', () => {
  const wrong = [
    'config(1)',
    'config(NaN)',
    'config(2, -1)',
    'config(2, 0, 257)',
    'config(2, 0, 4, 1e300)',
    'config(2, 0, 4, 100, 24, 56, Infinity)',
  ];
  each(
    wrong.map((settings) => `open(${settings}, shared())`),
    EINVAL,
  );
});

it('locks a file for whoever is first, and takes nothing but a descriptor for one', () => {
  const opened = "require('node:fs').openSync(process.argv[1], 'r')";
  expect(results([`(globalThis.first = native.lock(${opened}))`, `native.lock(${opened})`])).toEqual([0, -11]);
  each(['native.lock(-1)', 'native.lock(NaN)', 'native.lock({})', 'native.lock(2 ** 31)', 'native.lock()'], EBADF);
});
