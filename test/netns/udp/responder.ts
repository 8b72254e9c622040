// The health responder on a real server of the test LAN, and a director that asks it.
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { DIRECTOR, type Network, RIP, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { must, type Outcome, type Started, sleep } from '../../support/process.ts';
import { agentOn, type Config, type Agent as Rsprep } from '../../support/rsprep.ts';
import { inside, startAgent } from './agent.ts';

export const INTERVAL_MS = 1000;
export const LEASE_MS = 3000;

export const config = (responder: Config = {}, vips: readonly unknown[] = [VIP, VIP6]): Config => ({
  version: 1,
  vips,
  directors: [DIRECTOR, 'fd00::2'],
  responder: { interval: `${INTERVAL_MS}ms`, lease: `${LEASE_MS}ms`, stopGrace: '1s', ...responder },
});

interface Scene extends Network {
  readonly rsprep: Rsprep;
  readonly responder: Started;
  /** Process id of the responder itself. */
  readonly pid: number;
  /** What its log says so far. */
  log(): string;
  /** `rsprep ask` on the director. */
  ask(...words: readonly string[]): Outcome;
  /** Whether a vote from the director is answered with "vouched" now, the host or a VIP asked about. */
  vouched(address?: string, vip?: string): Promise<boolean>;
  /** Milliseconds until votes are as wanted; fails after the limit. */
  until(wanted: boolean, limitMs: number): Promise<number>;
}

export const withResponder = (
  use: (scene: Scene) => Promise<void>,
  { settings = config(), apply = true, wrap = [] as readonly string[], more = [] as readonly string[] } = {},
): Promise<void> =>
  withNetwork(async (net) => {
    const rsprep = agentOn(net, net.rs, settings);
    if (apply) expect(rsprep.run('apply').code).toBe(0);
    const responder = net.rs.start([...wrap, ...rsprep.argv('respond', ...more)]);
    const director = startAgent(inside(net.director.namespace));
    let log = '';
    responder.child.stderr?.on('data', (text: string) => {
      log += text;
    });
    const vouched = (address = RIP, vip?: string): Promise<boolean> =>
      director.run(`const s = dgram.createSocket(${address.includes(':')} ? 'udp6' : 'udp4');
        const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(8)));
        const bytes = udp.encodeRequest({ type: 'vote', nonce, subject: ${JSON.stringify(vip === undefined ? {} : { vip })} });
        let good = false;
        s.on('message', (m, r) => { const reply = udp.decodeReply(m);
          good ||= reply?.verdict === 'vouched' && nonce.equals(reply.nonce) && r.address === '${address}'; });
        await new Promise((r) => s.send(bytes, 5300, '${address}', r));
        for (let i = 0; i < 10 && !good; i++) await sleep(8);
        s.close(); return good;`);
    const until = async (wanted: boolean, limitMs: number): Promise<number> => {
      const start = performance.now();
      while (performance.now() - start < limitMs) {
        if ((await vouched()) === wanted) return performance.now() - start;
        await sleep(10);
      }
      throw new Error(`votes did not become ${wanted} within ${limitMs} ms; log:\n${log}`);
    };
    const ask = (...words: readonly string[]): Outcome =>
      net.director.run(rsprep.argv('ask', '--timeout', '300ms', ...words));
    try {
      await expect.poll(() => log, { timeout: 10_000 }).toMatch(/vouching for host/);
      await use({ ...net, rsprep, responder, pid: findPid(net), log: () => log, ask, vouched, until });
    } finally {
      if (responder.child.exitCode === null) responder.child.kill('SIGCONT');
      responder.child.kill('SIGKILL');
      await responder.done;
      await director.end();
    }
  });

/** The responder among the processes of its namespace. */
function findPid(net: Network): number {
  const pids = must(['ip', 'netns', 'pids', net.rs.namespace]).split('\n').filter(Boolean).map(Number);
  const found = pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('\0respond'));
  if (found === undefined) throw new Error('no responder runs');
  return found;
}
