// An entry of its own (dist/rsprep-probe-thread.cjs): the thread in which service-probes.ts asks services while it waits.
import { createSocket } from 'node:dgram';
import { BlockList, connect, isIPv6 } from 'node:net';
import { workerData } from 'node:worker_threads';
import type { ProbeOrder, ProbeOutcome, ProbeThreadData } from './service-probes.ts';

const { orders, done, port, timeoutMs } = workerData as ProbeThreadData;

Promise.all(orders.map(ask)).then((outcomes) => {
  port.postMessage(outcomes);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});

function ask(order: ProbeOrder): Promise<ProbeOutcome> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const request = Buffer.from(order.send, 'hex');
    const timer = setTimeout(() => end(tooLate()), timeoutMs);
    const close = order.protocol === 'udp' ? askUdp() : askTcp();

    function end(outcome: ProbeOutcome): void {
      clearTimeout(timer);
      close();
      resolve(outcome);
    }
    function good(): void {
      end({ kind: 'as-expected', milliseconds: Math.round(performance.now() - startedMs) });
    }
    function judged(reply: Buffer): void {
      const wrong = judge(order, reply);
      if (wrong === null) good();
      else end(wrong);
    }
    function failed(error: NodeJS.ErrnoException): void {
      // A sandbox without internet sockets (rsprep-report.service): that says nothing about the service.
      const reason = 'this process may not open internet sockets (docs/monitoring.md, "Timer or cron")';
      if (error.code === 'EAFNOSUPPORT') end({ kind: 'not-asked', reason });
      else end({ kind: 'no-answer', reason: error.code ?? error.message });
    }
    function tooLate(): ProbeOutcome {
      if (received.length === 0) return { kind: 'no-answer', reason: `no reply within ${timeoutMs} ms` };
      return judge(order, received) ?? { kind: 'no-answer', reason: 'too little' };
    }

    function askUdp(): () => void {
      const socket = createSocket(isIPv6(order.vip) ? 'udp6' : 'udp4');
      socket.on('error', failed);
      socket.on('message', (reply, from) => {
        if (from.port === order.port && isSame(from.address, order.vip)) judged(reply);
        else end({ kind: 'wrong-source', source: `${from.address} port ${from.port}` });
      });
      socket.bind(0, order.from, () => {
        socket.send(request, order.port, order.vip, (error) => {
          if (error) failed(error);
        });
      });
      return () => socket.close();
    }

    function askTcp(): () => void {
      const socket = connect({ host: order.vip, port: order.port, localAddress: order.from });
      socket.on('error', failed);
      socket.on('connect', () => socket.write(request));
      socket.on('data', (data) => {
        received = Buffer.concat([received, data]);
        if (received.length * 2 >= order.expect.length) judged(received);
      });
      socket.on('end', () => {
        const reason = received.length > 0 ? 'it closed the connection' : 'it closed the connection without an answer';
        end((received.length > 0 ? judge(order, received) : null) ?? { kind: 'no-answer', reason });
      });
      return () => socket.destroy();
    }
  });
}

function judge(order: ProbeOrder, reply: Buffer): ProbeOutcome | null {
  if (reply.toString('hex').startsWith(order.expect)) return null;
  return { kind: 'wrong-answer', received: reply.subarray(0, 40).toString('hex') };
}

/** Whether two texts are one address, however they are written. */
function isSame(a: string, b: string): boolean {
  if (a === b) return true;
  const list = new BlockList();
  list.addAddress(b, isIPv6(b) ? 'ipv6' : 'ipv4');
  return list.check(a, isIPv6(a) ? 'ipv6' : 'ipv4');
}
