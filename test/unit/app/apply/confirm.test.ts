// `confirm` stopped between any two of its steps, and whatever fails in it: afterwards the apply is either confirmed and persisted, or
// it still waits and its watchdog takes everything back. Deadlines run on a clock that nobody can set.
import { describe, expect, it } from 'vitest';
import { type ApplyOptions, apply } from '../../../../src/app/apply/apply.ts';
import { confirm, revert } from '../../../../src/app/apply/confirm.ts';
import { heal } from '../../../../src/app/apply/heal.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import type { InterfaceName, Ip } from '../../../../src/core/model/names.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import { SYSCTL_FILE } from '../../../../src/core/sysctl/file.ts';
import { address, arpValues, FakeHost } from '../../../support/fake-host.ts';

const VIP = '10.0.0.100' as Ip;
const desired = {
  ...emptyDesired,
  persist: true,
  vips: [{ address: VIP, device: 'lo' as InterfaceName, services: [] }],
};
const OPTIONS: ApplyOptions = {
  ...{ 'take-from-nic': false, prune: false, boot: false, confirmMs: null, strict: false },
  ...{ lockTimeoutMs: 0, timeoutMs: 1000, progress: () => undefined },
};
const MINUTE = 60_000;

function freshHost(): FakeHost {
  const lo = { name: 'lo', up: true, kind: 'loopback' as const, addresses: [], arp: arpValues() };
  const own = [address('10.0.0.11' as Ip, 24)];
  const eth0 = { name: 'eth0', up: true, kind: 'nic' as const, addresses: own, arp: arpValues() };
  const links = [lo, eth0];
  return new FakeHost({ links, all: arpValues(), default: arpValues(), promoteSecondaries: true, files: {} }, [VIP]);
}

async function waiting(): Promise<FakeHost> {
  const host = freshHost();
  expect((await apply(host, desired, { ...OPTIONS, confirmMs: MINUTE })).ending).toBe('applied');
  return host;
}

const held = (host: FakeHost): boolean => host.state.links[0]?.addresses.some(({ ip }) => ip === VIP) ?? false;
const isPersisted = (host: FakeHost): boolean => SYSCTL_FILE in host.state.files;
const pass = (host: FakeHost, ms: number): void => {
  host.clock = { ...host.clock, ms: host.clock.ms + ms };
};

/** What the watchdog does at its time, with the host whole again. */
async function atTheDeadline(host: FakeHost, token: string): Promise<void> {
  pass(host, MINUTE);
  if (host.armed.has(token)) expect(exitCode(await revert(host, token, OPTIONS))).toBe(0);
}

class Killed extends Error {}
type Stop = 'killed before it' | 'killed after it' | 'it fails' | 'it fails, and is done';

/** The host with its nth changing call from now on stopped; `done` says whether there were as many. */
function stopAt(host: FakeHost, n: number, stop: Stop): { readonly host: FakeHost; reached(): boolean } {
  let count = 0;
  let dead = false;
  const changing = ['writeLedger', 'perform', 'writeOverrides', 'disarmWatchdog', 'deleteLedger'] as const;
  const guarded = Object.create(host) as FakeHost;
  for (const name of changing) {
    const real = (host[name] as (...words: unknown[]) => unknown).bind(host);
    const fault = async (...words: readonly unknown[]): Promise<unknown> => {
      if (dead) throw new Killed();
      if (count++ !== n) return real(...words);
      dead = stop.startsWith('killed');
      if (stop !== 'killed before it' && stop !== 'it fails') await real(...words);
      if (dead) throw new Killed();
      if (name === 'disarmWatchdog') return undefined;
      if (name !== 'perform') throw new Error('EIO: input/output error');
      const [actions] = words as [Parameters<FakeHost['perform']>[0]];
      const uncertain = stop === 'it fails, and is done' ? { uncertain: true as const } : {};
      return actions.map((action) => ({ action, status: 'failed' as const, detail: 'EIO', ...uncertain }));
    };
    Object.assign(guarded, { [name]: fault });
  }
  return { host: guarded, reached: () => count > n };
}

describe.each<Stop>(['killed before it', 'killed after it', 'it fails', 'it fails, and is done'])(
  'confirm, %s',
  (stop) => {
    it('at each of its steps: confirmed and persisted, or taken back in time', async () => {
      let stops = 0;
      for (let n = 0; ; n += 1) {
        const whole = await waiting();
        const token = whole.ledger?.unconfirmed?.token ?? '';
        const guard = stopAt(whole, n, stop);
        const report = await confirm(guard.host, OPTIONS).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
          return null;
        });
        if (!guard.reached()) break;
        stops += 1;
        const isConfirmed = !whole.ledger?.unconfirmed;
        if (report && !isConfirmed && stop.startsWith('it fails'))
          expect([exitCode(report), report.notes.join()]).toEqual([1, expect.stringContaining('not confirmed')]);
        if (!isConfirmed) expect(whole.armed.has(token)).toBe(true);
        await atTheDeadline(whole, token);
        expect([held(whole), isPersisted(whole)]).toEqual([isConfirmed, isConfirmed]);
        expect(whole.ledger?.applied?.desired ?? null).toEqual(isConfirmed ? desired : null);
        if (!isConfirmed) expect(whole.state).toEqual(freshHost().state);
      }
      expect(stops).toBeGreaterThanOrEqual(4);
    });
  },
);

describe('confirm', () => {
  it('that could not look says so, leaves the watchdog armed, and may be tried again', async () => {
    const host = await waiting();
    const observe = host.observe.bind(host);
    host.observe = (asked, forChange) => ({ ...observe(asked, forChange), links: unreadable('io', '`ip` failed') });
    const report = await confirm(host, OPTIONS);
    expect([exitCode(report), host.armed.size, isPersisted(host)]).toEqual([1, 1, false]);
    expect(report.failure?.message).toMatch(/nothing is confirmed: .*`ip` failed/);
    expect(report.notes.join()).toMatch(/not confirmed: .* taken back at /);
    host.observe = observe;
    expect(exitCode(await confirm(host, OPTIONS))).toBe(0);
    expect([held(host), isPersisted(host), host.armed.size]).toEqual([true, true, 0]);
  });

  it('stopped after it had persisted, and then a reboot: the file goes too', async () => {
    const host = await waiting();
    const guard = stopAt(host, 2, 'killed before it');
    await confirm(guard.host, OPTIONS).catch(() => null);
    expect(isPersisted(host)).toBe(true);
    host.clock = { bootId: 'boot-2', ms: 5000 };
    host.state.links = freshHost().state.links;
    Object.assign(host.state, { all: arpValues(), default: arpValues() });
    await apply(host, desired, { ...OPTIONS, boot: true });
    expect(host.state).toEqual(freshHost().state);
  });
});

describe('whoever comes first after the deadline', () => {
  it('heal takes back what its watchdog did not get to', async () => {
    const host = await waiting();
    pass(host, MINUTE);
    const healing = Object.assign(host, { readHeal: () => absent, writeHeal: async () => undefined });
    const report = await heal(healing, OPTIONS);
    expect([exitCode(report), held(host), host.ledger?.unconfirmed]).toEqual([0, false, null]);
    expect(report.notes.join()).toContain('nobody confirmed it in time');
  });
});

describe('the drain before a VIP with connections is taken back', () => {
  const serving = async (): Promise<FakeHost> => {
    const host = await waiting();
    host.establishedTo = () => value(['10.0.0.100:80<-10.0.0.50:4000']);
    return host;
  };

  it('does not outlive a run that is killed in it', async () => {
    const host = await serving();
    const drained = new Killed();
    host.sleep = () => Promise.reject(drained);
    await expect(revert(host, null, OPTIONS)).rejects.toBe(drained);
    expect(host.overrides).toMatchObject([{ kind: 'drain', who: 'rsprep', until: '2026-11-22T12:00:20.000Z' }]);
    host.sleep = async () => undefined;
    expect(exitCode(await revert(host, null, OPTIONS))).toBe(0);
    expect(host.overrides).toEqual([]);
  });

  it("leaves an operator's drain as it is", async () => {
    const host = await serving();
    const theirs = {
      kind: 'drain',
      reason: 'maintenance',
      who: 'ann',
      since: '2026-11-22T11:00:00Z',
      until: null,
    } as const;
    host.overrides = [theirs];
    host.sleep = async () => void expect(host.overrides).toEqual([theirs]);
    expect(exitCode(await revert(host, null, OPTIONS))).toBe(0);
    expect(host.overrides).toEqual([theirs]);
  });
});

describe('the deadline', () => {
  it.each(['1970-01-01T00:00:10Z', '2026-11-23T12:00:00Z', '+012026-01-01T00:00:00Z'])(
    'is kept with the wall clock at %s',
    async (now) => {
      const host = await waiting();
      const token = host.ledger?.unconfirmed?.token ?? '';
      host.now = () => new Date(now);
      pass(host, MINUTE - 1);
      const early = await revert(host, token, OPTIONS);
      expect([exitCode(early), held(host)]).toEqual([75, true]);
      expect(exitCode(await confirm(host, OPTIONS))).toBe(0);
      expect(held(host)).toBe(true);
    },
  );

  it('is over when it is over, however far back the wall clock was set', async () => {
    const host = await waiting();
    host.now = () => new Date('1970-01-01T00:00:10Z');
    pass(host, MINUTE);
    const late = await confirm(host, OPTIONS);
    expect([exitCode(late), late.failure?.message, held(host)]).toEqual([
      1,
      expect.stringContaining('too late'),
      false,
    ]);
  });

  it('is over on a clock that has begun again', async () => {
    const host = await waiting();
    host.clock = { ...host.clock, ms: 10 };
    expect(exitCode(await confirm(host, OPTIONS))).toBe(1);
    expect(held(host)).toBe(false);
  });
});
