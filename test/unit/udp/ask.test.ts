// A director that is busy must not take a real server for silent: a reply that has arrived counts, however late it is looked at.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, it } from 'vitest';
import { ask } from '../../../src/udp/ask.ts';
import { VOUCHED_PREFIX } from '../../../src/udp/protocol.ts';

/** Vouches 60 ms after each request, in a thread of its own, so that it answers while this one is blocked. */
const RESPONDER = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (message, { port, address }) => {
  const reply = Buffer.from(message.subarray(0, 14));
  reply.set([${VOUCHED_PREFIX.join(', ')}]);
  setTimeout(() => socket.send(reply, port, address), 60);
});
socket.bind(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(socket.address().port));`;

let worker: Worker | undefined;
afterEach(() => worker?.terminate());

async function question(timeoutMs: number) {
  worker = new Worker(RESPONDER, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  return { address: '127.0.0.1', port, subject: {}, source: null, timeoutMs };
}

it('takes an answer that came while the process was busy longer than the timeout', async () => {
  const asked = ask('vote', await question(200));
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  // In the loop's last phase: timers are the next one then, and come before what has arrived.
  setTimeout(() => setImmediate(() => Atomics.wait(nothing, 0, 0, 600)), 20);
  expect(await asked).toMatchObject({ kind: 'reply', reply: { verdict: 'vouched' }, from: '127.0.0.1' });
});

it('is silence when nothing came in time, and an answer after that is none', async () => {
  expect(await ask('vote', await question(5))).toEqual({ kind: 'silence' });
});
