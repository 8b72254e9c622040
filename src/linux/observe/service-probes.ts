import { createRequire } from 'node:module';
import type * as WorkerThreads from 'node:worker_threads';
import type { Desired } from '../../core/model/desired.ts';
import { familyOf, type Ip } from '../../core/model/names.ts';
import type { ProbeResult } from '../../core/model/surroundings.ts';

/** All probes run side by side and are given this long. */
const PROBE_MS = 300;
/** A worker thread starts in about 15 ms; on a loaded host it is given more. */
const START_MS = 1000;

interface Order {
  readonly vip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly from: Ip;
  readonly send: string;
  readonly expect: string;
}

/**
 * Asks each service that has a `probe`, from a socket bound to this host's own address: unbound, the kernel would take the VIP
 * for the source as well, and a reply from the wrong address would pass. An observation is synchronous, so the sockets live
 * in a thread of their own while this one waits.
 * @param ownAddress the RIP of a family, or null where the host has none
 */
export function probeServices(desired: Desired, ownAddress: (family: 4 | 6) => Ip | null): readonly ProbeResult[] {
  const probes = desired.vips.flatMap(({ address, services }) =>
    services.flatMap(({ protocol, port, probe }) => (probe ? [{ vip: address, protocol, port, ...probe }] : [])),
  );
  if (probes.length === 0) return [];
  const orders = probes.flatMap((probe): readonly Order[] => {
    const from = ownAddress(familyOf(probe.vip));
    return from === null ? [] : [{ ...probe, from }];
  });
  const outcomes = orders.length === 0 ? [] : run(orders);
  return probes.map(({ vip, protocol, port }): ProbeResult => {
    const index = orders.findIndex((o) => o.vip === vip && o.protocol === protocol && o.port === port);
    const outcome = outcomes[index] ?? {
      kind: 'not-asked',
      reason:
        index < 0
          ? `this host has no IPv${familyOf(vip)} address of its own to ask from`
          : 'the probe thread did not answer',
    };
    return { vip, protocol, port, outcome };
  });
}

function run(orders: readonly Order[]): readonly ProbeResult['outcome'][] {
  // Loaded only when there is something to ask: it would cost every verify a millisecond.
  const threads: typeof WorkerThreads = createRequire('/')('node:worker_threads');
  const done = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new threads.MessageChannel();
  const worker = new threads.Worker(THREAD, {
    eval: true,
    workerData: { orders, done, port: port2, timeoutMs: PROBE_MS },
    transferList: [port2],
    env: {},
    execArgv: [],
  });
  worker.unref();
  Atomics.wait(done, 0, 0, PROBE_MS + START_MS);
  const received = threads.receiveMessageOnPort(port1);
  port1.close();
  void worker.terminate();
  return received === undefined ? [] : (received.message as readonly ProbeResult['outcome'][]);
}

/** Runs in a thread of its own, from this text: a bundle has no second file to start. Plain CommonJS for every Node from 20. */
const THREAD = `
const { workerData: { orders, done, port, timeoutMs } } = require('node:worker_threads');
const dgram = require('node:dgram');
const net = require('node:net');
const { BlockList, isIPv6 } = net;

function judge(order, reply) {
  return reply.toString('hex').startsWith(order.expect)
    ? null
    : { kind: 'wrong-answer', received: reply.subarray(0, 40).toString('hex') };
}
function same(a, b) {
  if (a === b) return true;
  const list = new BlockList();
  list.addAddress(b, isIPv6(b) ? 'ipv6' : 'ipv4');
  return list.check(a, isIPv6(a) ? 'ipv6' : 'ipv4');
}
function ask(order) {
  const started = performance.now();
  return new Promise((resolve) => {
    let partial = Buffer.alloc(0);
    let close = () => {};
    const end = (outcome) => { clearTimeout(timer); close(); resolve(outcome); };
    const good = () => end({ kind: 'as-expected', milliseconds: Math.round(performance.now() - started) });
    // A sandbox without internet sockets (rsprep-report.service): that says nothing about the service.
    const failed = (error) => end(error.code === 'EAFNOSUPPORT'
      ? { kind: 'not-asked', reason: 'this process may not open internet sockets (docs/monitoring.md, "Timer or cron")' }
      : { kind: 'no-answer', reason: error.code || error.message });
    const timer = setTimeout(() => end(
      partial.length > 0 ? judge(order, partial) || { kind: 'no-answer', reason: 'too little' }
                         : { kind: 'no-answer', reason: 'no reply within ' + timeoutMs + ' ms' }), timeoutMs);
    const request = Buffer.from(order.send, 'hex');
    if (order.protocol === 'udp') {
      const socket = dgram.createSocket(isIPv6(order.vip) ? 'udp6' : 'udp4');
      close = () => socket.close();
      socket.on('error', failed);
      socket.on('message', (reply, { address, port: from }) => {
        if (from !== order.port || !same(address, order.vip)) return end({ kind: 'wrong-source', source: address + ' port ' + from });
        const bad = judge(order, reply);
        bad ? end(bad) : good();
      });
      socket.bind(0, order.from, () => socket.send(request, order.port, order.vip, (error) => error && failed(error)));
    } else {
      const socket = net.connect({ host: order.vip, port: order.port, localAddress: order.from });
      close = () => socket.destroy();
      socket.on('error', failed);
      socket.on('connect', () => socket.write(request));
      socket.on('data', (data) => {
        partial = Buffer.concat([partial, data]);
        if (partial.length * 2 < order.expect.length) return;
        const bad = judge(order, partial);
        bad ? end(bad) : good();
      });
      socket.on('end', () => partial.length > 0 ? end(judge(order, partial) || { kind: 'no-answer', reason: 'it closed the connection' })
                                                : failed({ code: 'it closed the connection without an answer' }));
    }
  });
}
Promise.all(orders.map(ask)).then((outcomes) => {
  port.postMessage(outcomes);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});
`;
