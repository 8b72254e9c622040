// No memory and no descriptor is lost over two million datagrams and ten thousand sockets.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { must, run } from '../../support/process.ts';
import { type Agent, startAgent } from './agent.ts';

const load = (): string => {
  const output = join(import.meta.dirname, `../../../build/tools/udp-load-${process.pid}`);
  must(['mkdir', '-p', join(output, '..')]);
  must([
    'cc',
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    output,
    join(import.meta.dirname, '../../../bench/udp/load.c'),
  ]);
  return output;
};

const withAgent = async (use: (agent: Agent, pid: number) => Promise<void>): Promise<void> => {
  const agent = startAgent(['env', 'NODE_OPTIONS=--expose-gc']);
  try {
    await use(agent, agent.child.pid ?? 0);
  } finally {
    await agent.end();
  }
};

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Resident memory after a collection, MiB. */
async function residentMib(agent: Agent, pid: number): Promise<number> {
  await agent.run('for (let i = 0; i < 4; i++) { gc(); await sleep(20); }');
  const [, kib = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kib) / 1024;
}

describe('over two million datagrams', () => {
  const events = `await serve({ type: 'udp4' }, 0, '127.0.0.1'); kept.socket.removeAllListeners('message');
    kept.socket.on('message', (message, rinfo) => kept.socket.reply(message, rinfo));`;
  const native = `kept.socket = udp.createSocket({ type: 'udp4', strict: true, allow: ['127.0.0.0/8'], rateLimit: { perSource: { perSecond: 1e7 } } });
    await new Promise((r) => kept.socket.bind(0, '127.0.0.1', r));
    kept.socket.setAnswers({ leaseMs: 6e5, answers: [{ subject: {}, verdict: 'vouched', speaks: true, text: '' }] });
    setInterval(() => kept.socket.setAnswers({ leaseMs: 6e5, answers: [{ subject: {}, verdict: 'vouched', speaks: true, text: 'x' }] }), 1);`;

  it.each([
    ['events and replies', events],
    ['native answers, with a new table every millisecond', native],
  ])(
    '%s',
    (_name, code) =>
      withAgent(async (agent, pid) => {
        await agent.run(code);
        const port = await agent.run<number>('return kept.socket.address().port');
        const client = load();
        const ask = (seconds: number) => must([client, String(port), 'window', '128', String(seconds)]);
        ask(2);
        const [memory, files] = [await residentMib(agent, pid), descriptors(pid)];
        const received = () => agent.run<number>('return kept.socket.stats().received');
        const start = await received();
        while ((await received()) < start + 1_000_000) ask(2);
        const half = await residentMib(agent, pid);
        while ((await received()) < start + 2_000_000) ask(2);
        run(['rm', '-f', client]);
        const end = await residentMib(agent, pid);
        // A single byte lost for each datagram of the second million would be one MiB.
        expect(end - half, `${memory} → ${half} → ${end} MiB`).toBeLessThan(1.5);
        expect(end - memory, `${memory} → ${half} → ${end} MiB`).toBeLessThan(8);
        expect(descriptors(pid)).toBe(files);
      }),
    170_000,
  );
});

it(
  'over ten thousand sockets opened, used and closed',
  () =>
    withAgent(async (agent, pid) => {
      const cycles = (count: number) =>
        agent.run(`for (let i = 0; i < ${count}; i++) {
        const s = udp.createSocket({ type: i % 2 ? 'udp4' : 'udp6', strict: true });
        await new Promise((r) => s.bind(0, r));
        if (i % 3 === 0) s.setAnswers({ leaseMs: 1000, answers: [{ subject: {}, verdict: 'vouched', speaks: true, text: '' }] });
        else s.send('x', 9, i % 2 ? '127.0.0.1' : '::1');
        await new Promise((r) => s.close(r)); }`);
      await cycles(10_000); // malloc keeps what a busy moment has needed: only a second time counts
      const [memory, files] = [await residentMib(agent, pid), descriptors(pid)];
      await cycles(10_000);
      const end = await residentMib(agent, pid);
      // A socket holds some 500 KiB while it is open: one in a hundred not given back would be 50 MiB.
      expect(end - memory, `${memory} → ${end} MiB`).toBeLessThan(12);
      expect(descriptors(pid)).toBe(files);
    }),
  170_000,
);
