// The responder over time, on a host whose clock, answers and failures are made up.
import { expect, it } from 'vitest';
import type { Responding } from '../../../../src/app/ports/respond.ts';
import type { RespondEvent } from '../../../../src/app/respond/events.ts';
import { makeResponder, type Responder } from '../../../../src/app/respond/respond.ts';
import type { Desired } from '../../../../src/core/model/desired.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import { emptyLedger } from '../../../../src/core/model/ledger.ts';
import type { Observed } from '../../../../src/core/model/observed.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import type { Answer } from '../../../../src/udp/answer.ts';
import { arpValues, FakeHost, type FakeLink } from '../../../support/fake-host.ts';
import { address, contextOf, eth0, lo, VIP, vip, wanted } from '../../core/checks/host.ts';

const SETTINGS = { intervalMs: 1000, leaseMs: 5000, unknownGraceMs: 60_000, onDrift: 'silent' } as const;

interface Scene {
  nowMs: number;
  /** Where the addresses come from: both ways of looking, or ip(8) alone is broken. */
  hasVip: boolean;
  ipIsBroken: boolean;
  /** How long a look takes. */
  lookMs: number;
  freezeAfterComparingMs: number;
  /** Something changed: a full look is due. */
  looksDiffer: number;
  /** What throws. */
  readonly broken: Set<keyof Responding | 'set'>;
  readonly events: RespondEvent[];
  readonly responder: Responder;
  /** One turn of the loop: a tick, then the time until the next is due. */
  turn(): Promise<void>;
  /** Whether a vote is answered now, as the answer thread decides it. */
  vouched(): boolean;
  readonly log: () => readonly string[];
}

function scene(desired: Desired = wanted({ vips: [vip(VIP)] })): Scene {
  let answers: readonly Answer[] = [];
  let untilMs = 0;
  let version = 0;
  const may = <T>(what: keyof Responding | 'set', result: () => T): T => {
    if (made.broken.has(what)) throw new Error(`${what} throws, the ${version++}. time`);
    return result();
  };
  const observed = (): Observed => {
    made.nowMs += made.lookMs;
    const vips = made.hasVip ? desired.vips.map((one) => address(one.address, 32, { scope: 'host' })) : [];
    const links = made.ipIsBroken
      ? unreadable('io', 'ip(8) ended with 1')
      : value([{ ...lo, addresses: [address('127.0.0.1', 8), ...vips] }, eth0]);
    return contextOf({ desired, observed: { links } }).observed;
  };
  const host: Responding = {
    observe: () => may('observe', observed),
    readLedger: () => may('readLedger', () => value({ ...emptyLedger(null), applied: { desired, hash: '' } as never })),
    readOverrides: () => may('readOverrides', () => absent),
    hostName: () => 'rs1',
    now: () => new Date(1.8e12 + made.nowMs),
    monotonicMs: () => made.nowMs,
    bootClock: () => value({ bootId: 'boot', ms: made.nowMs }),
    bootMs: () => made.nowMs,
    fingerprint: () => {
      made.nowMs += made.freezeAfterComparingMs;
      return may('fingerprint', () => `${made.hasVip} ${made.ipIsBroken} ${made.looksDiffer}`);
    },
    addresses: () => may('addresses', () => new Set(made.hasVip ? desired.vips.map(({ address }) => address) : [])),
    configuration: async () => may('configuration', () => ({ kind: 'ok', desired })),
  };
  const hold = (leaseMs: number, sinceMs: number): void => {
    untilMs = sinceMs + leaseMs;
  };
  const socket = {
    set: (given: readonly Answer[], leaseMs: number, sinceMs: number) =>
      may('set', () => {
        answers = given;
        hold(leaseMs, sinceMs);
      }),
    renew: hold,
  };
  const events: RespondEvent[] = [];
  const made: Omit<Scene, 'responder'> = {
    nowMs: 1_000_000,
    hasVip: true,
    ipIsBroken: false,
    lookMs: 20,
    freezeAfterComparingMs: 0,
    looksDiffer: 0,
    broken: new Set(),
    events,
    turn: async () => {
      const nextMs = await responder.tick();
      made.nowMs += nextMs;
    },
    vouched: () => made.nowMs < untilMs && answers[0]?.speaks === true && answers[0].verdict === 'vouched',
    log: () => events.flatMap((event) => ('texts' in event ? event.texts.map((text) => `${event.kind}: ${text}`) : [])),
  };
  const responder = makeResponder(host, socket, SETTINGS, (event) => events.push(event));
  return Object.assign(made, { responder });
}

it('vouches for a host that is as last applied, and two bad looks end that', async () => {
  const s = scene();
  await s.turn();
  expect(s.vouched()).toBe(true);
  s.hasVip = false;
  await s.turn();
  expect(s.vouched()).toBe(true);
  await s.turn();
  expect(s.vouched()).toBe(false);
});

it('frozen past the lease, it says nothing on waking before it has looked, and one bad look is enough', async () => {
  const s = scene();
  await s.turn();
  s.nowMs += 9000;
  s.hasVip = false;
  expect(s.vouched()).toBe(false);
  await s.turn();
  expect(s.vouched()).toBe(false);
  s.hasVip = true;
  await s.turn();
  expect(s.vouched()).toBe(true);
});

it('frozen past the lease, and unable to look on waking: what was known before is no longer anybody’s word', async () => {
  const s = scene();
  await s.turn();
  s.nowMs += 9000;
  s.ipIsBroken = true;
  await s.turn();
  expect(s.vouched()).toBe(false);
});

it('frozen while it looks, it does not vouch on what it saw before', async () => {
  const s = scene();
  await s.turn();
  s.lookMs = 9000;
  s.looksDiffer += 1;
  await s.turn();
  expect(s.vouched()).toBe(false);
  s.lookMs = 20;
  await s.turn();
  expect(s.vouched()).toBe(true);
});

it('frozen between the comparison and the word, the lease has begun before', async () => {
  const s = scene();
  await s.turn();
  s.freezeAfterComparingMs = 6000;
  await s.turn();
  expect(s.vouched()).toBe(false);
});

it('with ip broken it keeps its word while the kernel shows the VIP, and not a turn longer', async () => {
  const s = scene();
  await s.turn();
  s.ipIsBroken = true;
  for (let i = 0; i < 10; i++) {
    await s.turn();
    expect(s.vouched()).toBe(true);
  }
  s.hasVip = false;
  await s.turn();
  expect(s.vouched()).toBe(false);
  expect(s.responder.state().host.reason).toContain(`no interface that is up has ${VIP}`);
  s.hasVip = true;
  await s.turn();
  expect(s.vouched()).toBe(true);
});

it('with ip broken and the VIP gone at once, not even a turn', async () => {
  const s = scene();
  await s.turn();
  s.ipIsBroken = true;
  s.hasVip = false;
  await s.turn();
  expect(s.vouched()).toBe(false);
});

it('where the addresses cannot be listed either, the grace decides', async () => {
  const s = scene();
  await s.turn();
  s.ipIsBroken = true;
  s.broken.add('addresses');
  await s.turn();
  expect(s.vouched()).toBe(true);
  for (let i = 0; i < 62; i++) await s.turn();
  expect(s.vouched()).toBe(false);
});

it('a look that throws is an unknown: said once, grace and then silence, and no end', async () => {
  const s = scene();
  await s.turn();
  s.broken.add('observe');
  s.looksDiffer += 1;
  for (let i = 0; i < 40; i++) await s.turn();
  const said = s.log().filter((line) => line.startsWith('note: looking at this host failed'));
  expect(said).toHaveLength(1);
  expect(s.vouched()).toBe(true);
  for (let i = 0; i < 60; i++) await s.turn();
  expect(s.vouched()).toBe(false);
  s.broken.clear();
  await s.turn();
  expect(s.vouched()).toBe(true);
  expect(s.log().filter((line) => line.startsWith('note-over: looking at this host failed'))).toHaveLength(1);
});

it.each(['fingerprint', 'readLedger', 'configuration', 'readOverrides'] as const)(
  '%s that throws ends nothing, and is said once',
  async (what) => {
    const s = scene();
    await s.turn();
    s.broken.add(what);
    for (let i = 0; i < 10; i++) await s.turn();
    expect(s.log().filter((line) => line.includes(`${what} throws`))).toHaveLength(1);
    expect(s.vouched()).toBe(true);
  },
);

it('an answer that cannot be given renews nothing', async () => {
  const s = scene();
  await s.turn();
  s.hasVip = false;
  s.broken.add('set');
  for (let i = 0; i < 8; i++) await s.turn();
  expect(s.vouched()).toBe(false);
  expect(s.log().filter((line) => line.includes('set throws'))).toHaveLength(1);
  s.broken.clear();
  s.hasVip = true;
  await s.turn();
  expect(s.vouched()).toBe(true);
});

it('a thousand VIPs are one line, at the start and when they go', async () => {
  const many = Array.from({ length: 1000 }, (_, i) => vip(`10.1.${i >> 8}.${i & 255}`));
  const s = scene(wanted({ vips: many }));
  await s.turn();
  expect(s.events.map((event) => [event.kind, 'names' in event ? event.names.length : 0])).toEqual([['verdict', 1001]]);
  s.events.length = 0;
  s.hasVip = false;
  await s.turn();
  await s.turn();
  expect(s.events.filter(({ kind }) => kind === 'verdict')).toHaveLength(1);
});

it('what it tells whoever asks steers no terminal, whoever drained the host', async () => {
  const links: FakeLink[] = [{ name: 'lo', up: true, kind: 'loopback', addresses: [], arp: arpValues() }];
  const fake = new FakeHost(
    { links, all: arpValues(), default: arpValues(), promoteSecondaries: false, files: {} },
    [],
  );
  const until = null;
  fake.overrides = [{ kind: 'drain', reason: 'a\u202eb', who: 'x\u001b[8m\ny', since: '2026-01-01T00:00:00Z', until }];
  const host = Object.assign(fake, {
    fingerprint: () => '',
    addresses: () => new Set<string>(),
    bootMs: () => 0,
    configuration: async () => ({ kind: 'ok', desired: emptyDesired }) as const,
  });
  const said: Answer[] = [];
  const socket = { set: (answers: readonly Answer[]) => void said.push(...answers), renew: () => undefined };
  const settings = { ...emptyDesired.responder };
  await makeResponder(host, socket, settings, () => undefined).tick();
  expect(said.map(({ text }) => text)).toEqual([expect.stringContaining('drained by x\\x1b[8m\\ny: a\\u202eb')]);
});
