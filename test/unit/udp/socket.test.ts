// The socket against node:dgram on loopback: the same calls, the same events, the same errors.
import { createSocket as createPlain, type Socket as Plain } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createSocket,
  decodeReply,
  encodeRequest,
  type RemoteInfo,
  type Socket,
  type SocketOptions,
} from '../../../src/udp/index.ts';
import { loadNative, pidfdGetsockopt } from '../../../src/udp/native.ts';

const opened: (Socket | Plain)[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) await socket[Symbol.asyncDispose]().catch(() => undefined);
});

const open = (options: SocketOptions | 'udp4' | 'udp6' = 'udp4'): Socket => {
  const socket = createSocket(options);
  opened.push(socket);
  return socket;
};

const bound = async (options: SocketOptions | 'udp4' | 'udp6' = 'udp4', address?: string): Promise<Socket> => {
  const socket = open(options);
  await new Promise<void>((resolve) =>
    socket.bind({ port: 0, ...(address === undefined ? {} : { address }) }, resolve),
  );
  return socket;
};

const plain = async (address = '127.0.0.1'): Promise<Plain> => {
  const socket = createPlain(address.includes(':') ? 'udp6' : 'udp4');
  opened.push(socket);
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket;
};

type Message = [Buffer, RemoteInfo];

describe('as dgram', () => {
  it('receives with dgram’s rinfo and more, and replies from the address that was asked', async () => {
    const server = await bound();
    server.on('message', (message, rinfo) => server.reply(message, rinfo));
    const client = await plain();
    client.send('hello', server.address().port, '127.0.0.53');
    const [message, rinfo] = (await once(client, 'message')) as Message;
    expect([message.toString(), rinfo.address, rinfo.port]).toEqual(['hello', '127.0.0.53', server.address().port]);
  });

  it('gives messages that are Buffers of their own, equal to dgram’s also to assert.deepStrictEqual', async () => {
    const server = await bound();
    const got: Buffer[] = [];
    server.on('message', (message) => got.push(message));
    const client = await plain();
    for (const text of ['one', '', 'three'])
      await new Promise((r) => client.send(text, server.address().port, '127.0.0.1', r));
    await expect.poll(() => got.length).toBe(3);
    expect(got).toStrictEqual([Buffer.from('one'), Buffer.alloc(0), Buffer.from('three')]);
    got[0]?.fill(0x78);
    expect(got[2]?.toString()).toBe('three');
  });

  it('sends in all the forms that dgram knows', async () => {
    const client = await plain();
    const { port } = client.address();
    const got: string[] = [];
    client.on('message', (message) => got.push(message.toString()));
    const server = open();
    server.send('text', port);
    server.send(Buffer.from('buffer'), port, '127.0.0.1');
    server.send(new DataView(new TextEncoder().encode('view').buffer), port, 'localhost');
    server.send(['li', Buffer.from('st')], port, '127.0.0.1');
    server.send(Buffer.from('a range'), 2, 5, port, '127.0.0.1');
    const [error, bytes] = await new Promise<[Error | null, number]>((resolve) =>
      server.send('callback', port, (...result: [Error | null, number]) => resolve(result)),
    );
    expect([error, bytes]).toEqual([null, 8]);
    await expect.poll(() => got.toSorted()).toEqual(['buffer', 'callback', 'list', 'range', 'text', 'view']);
  });

  it('emits listening, and close once; the port is free at once', async () => {
    const socket = open();
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port, family, address } = socket.address();
    expect([address, family]).toEqual(['127.0.0.1', 'IPv4']);
    const closed = once(socket, 'close');
    socket.close();
    const next = createPlain('udp4');
    opened.push(next);
    next.bind(port, '127.0.0.1');
    await Promise.all([once(next, 'listening'), closed]);
    expect(() => socket.close()).toThrow(/Not running/);
    expect(() => socket.address()).toThrow(/Not running/);
  });

  it('fails as dgram does when the address is taken, and can be bound elsewhere then', async () => {
    const taken = await plain();
    const { port } = taken.address();
    const failure = async (socket: Socket | Plain) => {
      const failed = once(socket, 'error');
      (socket as Socket).bind(port, '127.0.0.1');
      const [{ code, syscall, address, port: at, message }] = (await failed) as [Record<string, unknown>];
      return { code, syscall, address, at, message };
    };
    const theirs = createPlain('udp4');
    opened.push(theirs);
    const ours = open();
    expect(await failure(ours)).toEqual(await failure(theirs));
    ours.bind(0);
    await once(ours, 'listening');
  });

  it.each([
    ['an address that is no text', (socket: Socket) => socket.send('x', 9, 123), 'ERR_INVALID_ARG_TYPE'],
    ['no port', (socket: Socket) => socket.send('x'), 'ERR_SOCKET_BAD_PORT'],
    ['a list with a number', (socket: Socket) => socket.send(['a', 5 as never], 9), 'ERR_INVALID_ARG_TYPE'],
    ['hops that are no number', (socket: Socket) => socket.setTTL('x' as never), 'ERR_INVALID_ARG_TYPE'],
    ['a negative buffer', (socket: Socket) => socket.setRecvBufferSize(-1), 'ERR_SOCKET_BAD_BUFFER_SIZE'],
    ['a bad port', (socket: Socket) => socket.send('x', 70_000, '127.0.0.1'), 'ERR_SOCKET_BAD_PORT'],
    ['a bad message', (socket: Socket) => socket.send(5 as never, 53), 'ERR_INVALID_ARG_TYPE'],
    [
      'a range outside',
      (socket: Socket) => socket.send(Buffer.alloc(3), 2, 5, 53, '127.0.0.1'),
      'ERR_BUFFER_OUT_OF_BOUNDS',
    ],
    ['a second bind', (socket: Socket) => socket.bind(0).bind(0), 'ERR_SOCKET_ALREADY_BOUND'],
  ])('refuses %s with dgram’s code', (_name, act, code) => {
    expect(() => act(open())).toThrow(expect.objectContaining({ code }));
  });

  it('closes when its signal is aborted, before or after it was made', async () => {
    const controller = new AbortController();
    const socket = await bound({ type: 'udp4', signal: controller.signal });
    const closed = once(socket, 'close');
    controller.abort();
    await closed;
    await once(createSocket({ type: 'udp4', signal: AbortSignal.abort() }), 'close');
  });

  it('sets what dgram sets: buffers, TTL, broadcast, multicast membership', async () => {
    const socket = await bound();
    socket.setRecvBufferSize(8192);
    expect(socket.getRecvBufferSize()).toBe(16_384);
    expect([socket.setTTL(9), socket.setMulticastTTL(3), socket.setMulticastLoopback(true)]).toEqual([9, 3, true]);
    socket.setBroadcast(true);
    socket.addMembership('239.1.2.3', '127.0.0.1');
    socket.dropMembership('239.1.2.3', '127.0.0.1');
    expect(() => socket.dropMembership('239.1.2.3', '127.0.0.1')).toThrow(/EADDRNOTAVAIL/);
  });

  it('hears a multicast group from the source it joined it for', async () => {
    const [socket, sender] = [await bound(), await bound('udp4', '127.0.0.1')];
    const got: string[] = [];
    socket.on('message', (message, { destination }) => got.push(`${message} ${destination}`));
    sender.setMulticastInterface('127.0.0.1');
    socket.addSourceSpecificMembership('127.0.0.1', '232.1.2.3', '127.0.0.1');
    await new Promise((resolve) => sender.send('heard', socket.address().port, '232.1.2.3', resolve));
    await expect.poll(() => got).toEqual(['heard 232.1.2.3']);
    socket.dropSourceSpecificMembership('127.0.0.1', '232.1.2.3', '127.0.0.1');
    expect(() => socket.dropSourceSpecificMembership('127.0.0.1', '232.1.2.3', '127.0.0.1')).toThrow(/EINVAL/);
  });

  it('joins an IPv6 group for one source, as the kernel tells', async () => {
    const socket = await bound('udp6');
    const joined = () => /^ *1 +lo ff310{24}7272 0{31}1 +1 /m.test(readFileSync('/proc/net/mcfilter6', 'latin1'));
    socket.addSourceSpecificMembership('::1', 'ff31::7272', '::%lo');
    expect(joined()).toBe(true);
    socket.dropSourceSpecificMembership('::1', 'ff31::7272', '::%lo');
    expect(joined()).toBe(false);
  });

  it('what is sent while it binds waits for that, and close waits for what was sent', async () => {
    const client = await plain();
    const { port } = client.address();
    const got: [string, number][] = [];
    client.on('message', (message, rinfo) => got.push([message.toString(), rinfo.port]));
    const free = await plain();
    const wanted = free.address().port;
    await new Promise<void>((resolve) => free.close(() => resolve()));
    const socket = open();
    const events: string[] = [];
    for (const name of ['listening', 'close'] as const) socket.on(name, () => events.push(name));
    socket.bind(wanted, 'localhost'); // a name takes a while to look up
    socket.send('early', port, '127.0.0.1');
    socket.close(() => events.push('callback'));
    expect(() => socket.send('late', port, '127.0.0.1')).toThrow(/Not running/);
    expect(() => socket.close()).toThrow(/Not running/);
    await expect.poll(() => [got, events]).toEqual([[['early', wanted]], ['listening', 'close', 'callback']]);
  });

  it('what was sent while it could not bind is told so, and it can be bound elsewhere', async () => {
    const taken = await plain();
    const socket = open();
    const failed = once(socket, 'error');
    socket.bind(taken.address().port, '127.0.0.1', () => expect.unreachable('it was bound'));
    const told = new Promise((resolve) => socket.send('x', 9, '127.0.0.1', resolve));
    expect((await failed)[0]).toMatchObject({ code: 'EADDRINUSE' });
    expect(await told).toMatchObject({ code: 'EADDRINUSE' });
    await new Promise<void>((resolve) => socket.bind(0, resolve));
  });

  it('is done with what it was about when a listener closes it in the middle of a batch', async () => {
    const server = await bound();
    const client = await plain();
    const heard: string[] = [];
    const replies: string[] = [];
    client.on('message', (message) => replies.push(message.toString()));
    server.on('message', (message, rinfo) => {
      heard.push(message.toString());
      server.reply(message, rinfo);
      server.close();
    });
    const { port } = server.address();
    for (const text of ['one', 'two', 'three']) client.send(text, port, '127.0.0.1');
    await once(server, 'close');
    await expect.poll(() => replies).toEqual(['one']);
    expect(heard).toEqual(['one']);
  });

  it('a listener that throws surfaces as uncaught, and the rest of its batch is still delivered', async () => {
    const server = await bound();
    const got: string[] = [];
    server.on('message', (message) => {
      got.push(message.toString());
      if (message.toString() === 'bad') throw new Error('from the listener');
    });
    const earlier = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const uncaught = once(process, 'uncaughtException');
    const client = await plain();
    for (const text of ['bad', 'good']) client.send(text, server.address().port, '127.0.0.1');
    const [error] = (await uncaught) as [Error];
    await expect.poll(() => got).toEqual(['bad', 'good']);
    for (const listener of earlier) process.on('uncaughtException', listener);
    expect(error.message).toBe('from the listener');
  });
});

describe('replies', () => {
  it('to an rinfo that was kept, copied or changed go where it says', async () => {
    const server = await bound();
    const client = await plain();
    const other = await plain('127.0.0.2');
    const port = server.address().port;
    client.send('x', port, '127.0.0.7');
    const [, rinfo] = (await once(server, 'message')) as Message;
    server.reply('kept', rinfo);
    expect(String((await once(client, 'message'))[0])).toBe('kept');
    server.reply('copied', JSON.parse(JSON.stringify(rinfo)) as RemoteInfo);
    const [copied, from] = (await once(client, 'message')) as Message;
    expect([String(copied), from.address]).toEqual(['copied', '127.0.0.7']);
    server.once('message', (_message, info) => {
      info.address = '127.0.0.2';
      info.port = other.address().port;
      info.localAddress = '127.0.0.8';
      server.reply('changed', info);
    });
    client.send('x', port, '127.0.0.7');
    const [changed, via] = (await once(other, 'message')) as Message;
    expect([String(changed), via.address]).toEqual(['changed', '127.0.0.8']);
  });

  it('in number, more than a batch and more than its memory, arrive whole and in order', async () => {
    const server = await bound({ type: 'udp4', batch: 4, maxPayload: 65_507 });
    const client = await plain();
    client.setRecvBufferSize(1 << 20);
    const got: number[] = [];
    client.on('message', (message) => got.push(message.length));
    client.send('x', server.address().port, '127.0.0.1');
    const [, rinfo] = (await once(server, 'message')) as Message;
    const sizes = [1, 60_000, 2, 30_000, 3, 4, 5, 6, 7, 8];
    for (const size of sizes) server.reply(Buffer.alloc(size), rinfo);
    await expect.poll(() => got).toEqual(sizes);
    expect(server.stats().sent).toBe(sizes.length);
  });

  it('need the memory of no message that was given to another thread', async () => {
    const server = await bound();
    const client = await plain();
    const got: string[] = [];
    server.on('message', (message) => {
      got.push(message.toString());
      structuredClone(message.buffer, { transfer: [message.buffer as ArrayBuffer] });
      expect(message.length).toBe(0);
    });
    for (const text of ['one', 'two', 'three']) {
      await new Promise((resolve) => client.send(text, server.address().port, '127.0.0.1', resolve));
      await expect.poll(() => got.at(-1)).toBe(text);
    }
  });

  it('that UDP cannot carry fail in the callback alone', async () => {
    const server = await bound();
    const send = (bytes: number) =>
      new Promise((resolve) =>
        server.send(Buffer.alloc(bytes), 9, '127.0.0.1', (error: Error | null) => resolve(error?.message)),
      );
    const told = 'send EMSGSIZE 127.0.0.1:9'; // as dgram says it
    expect([await send(65_508), await send(70_000)]).toEqual([told, told]);
  });
});

describe('options', () => {
  it.each([
    [{ batch: 0 }, /batch must be a whole number from 1 to 256, received 0/],
    [{ maxPayload: 70_000 }, /maxPayload/],
    [{ allow: ['10.0.0.0/33'] }, /allow expects/],
    [{ allow: ['ten'] }, /allow expects/],
    [{ rateLimit: { perSource: { perSecond: 0 } } }, /perSecond must be above 0/],
    [{ rateLimit: { perSource: { perSecond: 9 }, total: { perSecond: 9 } } }, /one source could silence all others/],
  ])('%j is refused', (options, message) => {
    expect(() => createSocket({ type: 'udp4', ...options })).toThrow(message);
  });

  it('an unknown type is refused with dgram’s code', () => {
    expect(() => createSocket('tcp' as never)).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_BAD_TYPE' }));
  });

  it('allow and rate limits hold for events as well, before JavaScript hears of anything', async () => {
    const server = await bound({
      type: 'udp6',
      allow: ['127.0.0.0/30'],
      rateLimit: { perSource: { perSecond: 1, burst: 2 } },
    });
    let heard = 0;
    server.on('message', () => heard++);
    for (const [address, times] of [
      ['127.0.0.1', 5],
      ['127.0.0.4', 3],
    ] as const) {
      const client = await plain(address);
      for (let i = 0; i < times; i++) await new Promise((r) => client.send('x', server.address().port, '127.0.0.1', r));
    }
    await expect.poll(() => server.stats()).toMatchObject({ received: 2, limited: 3, denied: 3 });
    expect(heard).toBe(2);
  });

  it('setAnswers with an empty list takes back what was said before', async () => {
    const responder = await bound({ type: 'udp4', strict: true }, '127.0.0.1');
    const answer = { subject: { vip: '192.0.2.1' }, verdict: 'vouched' as const, speaks: true, text: 'all is well' };
    const request = encodeRequest({ type: 'status', nonce: new Uint8Array(8), subject: answer.subject });
    const asked = async (): Promise<string | undefined> => {
      const client = await bound('udp4', '127.0.0.1');
      const [reply] = await Promise.all([
        once(client, 'message'),
        client.send(request, responder.address().port, '127.0.0.1'),
      ]);
      client.close();
      return decodeReply(reply[0] as Uint8Array)?.verdict;
    };
    responder.setAnswers({ leaseMs: 60_000, answers: [answer] });
    expect(await asked()).toBe('vouched');
    responder.setAnswers({ leaseMs: 60_000, answers: [] });
    expect(await asked()).toBe('not-offered');
  });

  it('setAnswers wants a strict socket, and each subject once', async () => {
    const lax = await bound();
    expect(() => lax.setAnswers(null)).toThrow(/strict/);
    const strict = await bound({ type: 'udp4', strict: true });
    const answer = { subject: { vip: '192.0.2.1' }, verdict: 'vouched' as const, speaks: true, text: '' };
    expect(() => strict.setAnswers({ leaseMs: 1, answers: [answer, answer] })).toThrow(/received one twice/);
    expect(() => strict.setAnswers({ leaseMs: 1, answers: [{ ...answer, subject: { vip: 'x' } }] })).toThrow(
      /IP address/,
    );
    strict.setAnswers(null);
    expect(() => strict.send('x', 9)).toThrow(/setAnswers/);
  });
});

describe('the addon', () => {
  it('reads a socket option of a process’s descriptor, or says which error', async () => {
    const socket = await bound();
    expect(socket.address().port).toBeGreaterThan(0);
    expect(pidfdGetsockopt(process.pid, 0, 0, 8)).toBeLessThan(0); // standard input is no socket: ENOTSOCK, or ENOPROTOOPT
    expect(pidfdGetsockopt(2 ** 22 + 1, 0, 0, 8)).toBe(-3); // ESRCH: beyond the largest process id
    expect(pidfdGetsockopt(process.pid, 1_000_000, 0, 8)).toBe(-9); // EBADF
  });

  it('was prebuilt for both machines from these sources', async () => {
    const script: string = '../../../scripts/build-native.mjs';
    const { sourceHash } = (await import(script)) as { sourceHash(): Promise<string> };
    const hash = await sourceHash();
    expect(loadNative().sourceHash, 'dist/ is older than its sources: node scripts/build-native.mjs').toBe(hash);
    for (const arch of ['x64', 'arm64']) {
      const file = readFileSync(join(import.meta.dirname, `../../../prebuilds/rsprep-${arch}.node`));
      expect(file.includes(hash), `prebuilds/rsprep-${arch}.node: node scripts/build-native.mjs --prebuilds`).toBe(
        true,
      );
    }
  });

  it('works in a worker, and lets it end with sockets open and answering', async () => {
    const file = join(import.meta.dirname, '../../../dist/udp.cjs');
    const code = `const { parentPort, workerData } = require('node:worker_threads'); const { createSocket } = require(workerData);
      const events = createSocket('udp4'); events.bind(0, () => {
      const native = createSocket({ type: 'udp4', strict: true }); native.bind(0, () => {
        native.setAnswers({ leaseMs: 1000, answers: [] }); parentPort.postMessage('open'); }); });`;
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(code, { eval: true, workerData: file });
      expect((await once(worker, 'message'))[0]).toBe('open');
      expect(await worker.terminate()).toBe(1);
    }
  });

  it('holds the process while it is referenced and not when it is not', async () => {
    const { execFileSync } = await import('node:child_process');
    const file = join(import.meta.dirname, '../../../dist/udp.cjs');
    const script = (after: string) =>
      `const s = require(${JSON.stringify(file)}).createSocket({ type: 'udp4', strict: true }); s.bind(0, () => { ${after} });`;
    const runs = (after: string): void => void execFileSync(process.execPath, ['-e', script(after)], { timeout: 5000 });
    runs('s.unref()');
    runs('s.setAnswers({ leaseMs: 1000, answers: [] }); s.unref()');
    runs('s.close()');
    runs('s.setAnswers({ leaseMs: 1000, answers: [] }); s.close()');
    expect(() => execFileSync(process.execPath, ['-e', script('')], { timeout: 700 })).toThrow(/ETIMEDOUT/);
  });
});

describe('setAnswers', () => {
  it('ends messages within the batch at hand, however many wait: the thread has the buffers for itself', async () => {
    const socket = await bound({ type: 'udp4', strict: true, batch: 16 }, '127.0.0.1');
    let [before, after] = [0, 0];
    socket.on('message', () => {
      if (before++ > 0) after++;
      else socket.setAnswers({ answers: [], leaseMs: 60_000 });
    });
    const client = await plain();
    const { port } = socket.address();
    // All of them wait in the socket's queue before any is read.
    const sent = Array.from(
      { length: 200 },
      () => new Promise((resolve) => client.send(Buffer.alloc(20, 65), port, '127.0.0.1', resolve)),
    );
    await Promise.all(sent);
    for (let tries = 0; tries < 200 && socket.stats().malformed === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(socket.stats().malformed).toBeGreaterThan(0); // the thread has read what was left
    expect(after).toBeLessThan(16);
  });

  it('sends what was sent before, and no name that is longer than an interface’s means another one', async () => {
    const socket = await bound({ type: 'udp4', strict: true }, '127.0.0.1');
    const client = await plain();
    const got = once(client, 'message');
    const done = new Promise((resolve) =>
      socket.send(Buffer.from('early'), client.address().port, '127.0.0.1', resolve),
    );
    socket.setAnswers({ answers: [], leaseMs: 60_000 });
    expect(await done).toBeFalsy();
    expect(String((await got)[0])).toBe('early');
    // The kernel takes 15 bytes of a name (IFNAMSIZ); `lo` padded to more than that is not `lo`.
    expect(loadNative().interfaceIndex('lo')).toBe(1);
    expect(loadNative().interfaceIndex(`lo\0${'x'.repeat(20)}`)).toBeLessThan(0);
    expect(loadNative().interfaceIndex('x'.repeat(16))).toBe(-19);
  });
});
