import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as WorkerThreads from 'node:worker_threads';
import type { Desired } from '../../core/model/desired.ts';
import { familyOf, type Ip } from '../../core/model/names.ts';
import type { ProbeResult } from '../../core/model/surroundings.ts';

/** All probes run side by side and are given this long. */
const PROBE_MS = 300;
/** A worker thread starts in about 15 ms; on a loaded host it is given more. */
const START_MS = 1000;

export type ProbeOutcome = ProbeResult['outcome'];

export interface ProbeOrder {
  readonly vip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly from: Ip;
  readonly send: string;
  readonly expect: string;
}

/** What the thread is started with. */
export interface ProbeThreadData {
  readonly orders: readonly ProbeOrder[];
  /** Its only number becomes 1 once `port` has got the outcomes, in the order of the orders. */
  readonly done: Int32Array;
  readonly port: WorkerThreads.MessagePort;
  /** For each. */
  readonly timeoutMs: number;
}

/** Built from probe-thread.ts, beside the program. */
const THREAD_FILE = 'rsprep-probe-thread.cjs';

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
  const orders = probes.flatMap((probe): readonly ProbeOrder[] => {
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

function run(orders: readonly ProbeOrder[]): readonly ProbeOutcome[] {
  const file = join(__dirname, THREAD_FILE);
  if (!existsSync(file)) {
    const reason = `${file} is not there, so nothing could be asked: install rsprep again`;
    return orders.map(() => ({ kind: 'not-asked', reason }));
  }
  // Loaded only when there is something to ask: it would cost every verify a millisecond.
  const threads: typeof WorkerThreads = createRequire('/')('node:worker_threads');
  const done = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new threads.MessageChannel();
  const workerData: ProbeThreadData = { orders, done, port: port2, timeoutMs: PROBE_MS };
  const worker = new threads.Worker(file, {
    workerData,
    transferList: [port2],
    env: {},
    execArgv: [],
  });
  worker.unref();
  Atomics.wait(done, 0, 0, PROBE_MS + START_MS);
  const received = threads.receiveMessageOnPort(port1);
  port1.close();
  void worker.terminate();
  return received === undefined ? [] : (received.message as readonly ProbeOutcome[]);
}
