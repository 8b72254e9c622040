// What a stranger can do to an answering socket: loops, amplification, floods, a hung agent. On loopback, with dist/udp.cjs.
import { describe, expect, it } from 'vitest';
import {
  decodeRequest,
  encodeReply,
  encodeRequest,
  type RequestType,
  type Subject,
  type Verdict,
} from '../../../src/udp/protocol.ts';
import { type Agent, startAgent } from './agent.ts';

const withAgents = async (count: number, use: (...agents: Agent[]) => Promise<void>): Promise<void> => {
  const agents = Array.from({ length: count }, () => startAgent());
  try {
    await use(...agents);
  } finally {
    await Promise.all(agents.map((agent) => agent.end()));
  }
};

const VOUCHED = `{ leaseMs: 60000, answers: [{ subject: {}, verdict: 'vouched', speaks: true, text: 'as last applied' }] }`;
const openAnswering = (options = '', where = '0') =>
  `kept.socket = udp.createSocket({ type: 'udp4', strict: true, ${options} });
   await new Promise((resolve) => kept.socket.bind(${where}, resolve));
   kept.socket.setAnswers(${VOUCHED}); return kept.socket.address().port;`;

const stats = (agent: Agent): Promise<Record<string, number>> => agent.run('return kept.socket.stats()');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const vote = (nonce = 1): Uint8Array =>
  encodeRequest({ type: 'vote', nonce: new Uint8Array(8).fill(nonce), subject: {} });

describe('two responders and one forged datagram between them', () => {
  it('exchange at most one: a reply is never answered', () =>
    withAgents(3, async (first, second, forger) => {
      const target = await second.run<number>(openAnswering());
      second.child.kill('SIGSTOP');
      // The forger sends from the port that the first responder then takes: to the second it came from there.
      const port =
        await forger.run<number>(`const s = dgram.createSocket('udp4'); await new Promise((r) => s.bind(0, '127.0.0.1', r));
        const { port } = s.address(); await new Promise((r) => s.send(Buffer.from('${hex(vote())}', 'hex'), ${target}, '127.0.0.1', r));
        await new Promise((r) => s.close(r)); return port;`);
      await first.run(openAnswering('', `${port}, '127.0.0.1'`));
      second.child.kill('SIGCONT');
      await first.run('await sleep(300)');
      expect(await stats(second)).toMatchObject({ sent: 1, received: 1, malformed: 0 });
      expect(await stats(first)).toMatchObject({ sent: 0, received: 0, malformed: 1 });
    }));

  it('exchange none on the same port: datagrams from our own port are dropped', () =>
    withAgents(2, async (responder, forger) => {
      const port = await responder.run<number>(openAnswering('', `0, '127.0.0.1'`));
      await forger.run(`const s = dgram.createSocket('udp4'); await new Promise((r) => s.bind(${port}, '127.0.0.9', r));
        await new Promise((r) => s.send(Buffer.from('${hex(vote())}', 'hex'), ${port}, '127.0.0.1', r)); s.close(); await sleep(100);`);
      expect(await stats(responder)).toMatchObject({ badSource: 1, sent: 0 });
    }));
});

/** Reproducible noise. */
function noise(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const VIP: Subject = { vip: '192.0.2.10' };
const SERVICE: Subject = { vip: '2001:db8::10', service: { protocol: 'udp', port: 53 } };
const ANSWERS: readonly { subject: Subject; verdict: Verdict; speaks: boolean; text: string }[] = [
  { subject: {}, verdict: 'vouched', speaks: true, text: 'as last applied' },
  { subject: VIP, verdict: 'drift', speaks: false, text: `vip-missing@192.0.2.10: not on lo ${'é'.repeat(100)}` },
  { subject: SERVICE, verdict: 'draining', speaks: true, text: 'drained by ann: kernel update' },
];

/** A request, a reply, garbage, or something between. */
function forge(random: (below: number) => number): Uint8Array {
  const type: RequestType = random(2) === 0 ? 'vote' : 'status';
  const subject = [{}, VIP, SERVICE, { vip: '192.0.2.99' }][random(4)] ?? {};
  const nonce = Uint8Array.from({ length: 8 }, () => random(256));
  const whole = encodeRequest({ type, nonce, subject, length: 34 + random(222) });
  switch (random(6)) {
    case 0:
      return Uint8Array.from({ length: random(300) }, () => random(256));
    case 1:
      return encodeReply({ type, verdict: 'vouched', nonce, text: 'x'.repeat(random(200)) }, 255);
    case 2:
      return whole.subarray(0, random(whole.length + 1));
    case 3:
      return Uint8Array.from([...whole, ...Array.from({ length: random(40) }, () => random(3))]);
    case 4: {
      const mutated = whole.slice();
      mutated[random(mutated.length)] = random(256);
      return mutated;
    }
    default:
      return whole;
  }
}

/** What the C code must answer, by the TypeScript of the same protocol. */
function predict(bytes: Uint8Array): string | null {
  const request = decodeRequest(bytes);
  if (request === null) return null;
  const key = hex(request.key);
  const word = ANSWERS.find(
    ({ subject }) =>
      hex(
        decodeRequest(encodeRequest({ type: 'vote', nonce: new Uint8Array(8), subject }))?.key ?? new Uint8Array(),
      ) === key,
  );
  if (request.type === 'vote' && word?.speaks !== true) return null;
  const text = word?.text ?? 'this VIP or service is not in the state last applied on this host';
  const verdict = word?.verdict ?? 'not-offered';
  return hex(
    encodeReply(
      {
        type: request.type,
        verdict,
        nonce: request.nonce,
        text: Buffer.from(text)
          .subarray(0, 241)
          .toString()
          .replace(/\uFFFD$/, ''),
      },
      bytes.length,
    ),
  );
}

it(
  '100 000 random and mutated requests: C answers exactly what TypeScript says, and never longer than it was asked',
  () =>
    withAgents(1, async (responder) => {
      const port = await responder.run<number>(openAnswering());
      await responder.run(`kept.socket.setAnswers({ leaseMs: 600000, answers: ${JSON.stringify(ANSWERS)} })`);
      const { createSocket } = await import('node:dgram');
      const client = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
      const random = noise(20_261_122);
      const got: string[] = [];
      client.on('message', (message) => got.push(message.toString('hex')));
      await new Promise<void>((resolve) => client.bind(0, '127.0.0.1', resolve));
      let answered = 0;
      for (let round = 0; round < 1000; round++) {
        const batch = Array.from({ length: 100 }, () => forge(random));
        const expected = batch.map(predict).filter((reply) => reply !== null);
        const asked = new Map(batch.map((bytes) => [hex(bytes.subarray(6, 14)), bytes.length]));
        got.length = 0;
        await Promise.all(
          batch.map((bytes) => new Promise((resolve) => client.send(bytes, port, '127.0.0.1', resolve))),
        );
        for (const end = Date.now() + 5000; got.length < expected.length && Date.now() < end; )
          await new Promise((resolve) => setTimeout(resolve, 1));
        expect(got).toEqual(expected);
        for (const reply of got) expect(reply.length / 2).toBeLessThanOrEqual(asked.get(reply.slice(12, 28)) ?? 0);
        answered += got.length;
      }
      client.close();
      expect(answered).toBeGreaterThan(20_000);
      const { malformed = 0, sent = 0, silent = 0, kernelDrops = 0, truncated = 0 } = await stats(responder);
      expect(kernelDrops).toBe(0);
      expect(sent).toBe(answered);
      expect(malformed + sent + silent + truncated).toBe(100_000);
    }),
  120_000,
);

describe('strangers and floods', () => {
  const send = (agent: Agent, from: string, port: number, times = 1) =>
    agent.run<number>(`const s = dgram.createSocket('udp4'); let got = 0; s.on('message', () => got++);
      await new Promise((r) => s.bind(0, '${from}', r));
      for (let i = 0; i < ${times}; i++) await new Promise((r) => s.send(Buffer.from('${hex(vote())}', 'hex'), ${port}, '127.0.0.1', r));
      await sleep(150); s.close(); return got;`);

  it('sources outside the allowlist get nothing', () =>
    withAgents(2, async (responder, asker) => {
      const port = await responder.run<number>(openAnswering(`allow: ['127.0.1.0/24', '127.0.9.9']`));
      expect(await send(asker, '127.0.1.77', port)).toBe(1);
      expect(await send(asker, '127.0.9.9', port)).toBe(1);
      expect(await send(asker, '127.0.9.8', port)).toBe(0);
      expect(await stats(responder)).toMatchObject({ denied: 1, sent: 2 });
    }));

  it('a flood from one prefix does not silence another', () =>
    withAgents(2, async (responder, asker) => {
      const limits = `rateLimit: { perSource: { perSecond: 50, burst: 20 }, total: { perSecond: 1000 } }`;
      const port = await responder.run<number>(openAnswering(limits));
      const flooded = await send(asker, '127.0.1.1', port, 3000);
      expect(flooded).toBeGreaterThanOrEqual(20);
      expect(flooded).toBeLessThan(200);
      expect(await send(asker, '127.0.1.2', port, 40)).toBeLessThan(40); // the same /24
      expect(await send(asker, '127.0.2.1', port, 5)).toBe(5);
    }));
});

describe('the lease', () => {
  const answers = async (agent: Agent, port: number): Promise<boolean> =>
    (
      await agent.run<unknown[]>(
        `return ask(Buffer.from('${hex(vote())}', 'hex'), ${port}, '127.0.0.1', { waitMs: 100 })`,
      )
    ).length > 0;

  it('outlives a blocked event loop, ends when nobody renews it, begins again when somebody does', () =>
    withAgents(2, async (responder, asker) => {
      const port = await responder.run<number>(openAnswering());
      await responder.run('kept.socket.renewAnswers(800)');
      const blocked = responder.run('const end = Date.now() + 1800; while (Date.now() < end);');
      expect(await answers(asker, port)).toBe(true);
      await asker.run('await sleep(1000)');
      expect(await answers(asker, port)).toBe(false);
      const status = hex(encodeRequest({ type: 'status', nonce: new Uint8Array(8), subject: {} }));
      const [reply] = await asker.run<{ text: string }[]>(
        `return ask(Buffer.from('${status}', 'hex'), ${port}, '127.0.0.1')`,
      );
      expect(reply?.text).toContain('stopped renewing');
      await blocked;
      await responder.run('kept.socket.renewAnswers(5000)');
      expect(await answers(asker, port)).toBe(true);
      await responder.run('kept.socket.setAnswers(null)');
      expect(await answers(asker, port)).toBe(false);
    }));

  it('SIGSTOP: silent at once, and after a stop longer than the lease silent until renewed', () =>
    withAgents(2, async (responder, asker) => {
      const port = await responder.run<number>(openAnswering());
      await responder.run('kept.socket.renewAnswers(600)');
      expect(await answers(asker, port)).toBe(true);
      responder.child.kill('SIGSTOP');
      expect(await answers(asker, port)).toBe(false);
      await asker.run('await sleep(700)');
      responder.child.kill('SIGCONT');
      expect(await answers(asker, port)).toBe(false);
    }));
});
