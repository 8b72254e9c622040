// What a ledger or an overrides file that cannot be read means is decided by its cause, never by the words of its reason.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareLedger } from '../../../../src/app/apply/recover.ts';
import { setOverride } from '../../../../src/app/overrides.ts';
import { planOfRemove } from '../../../../src/app/remove/remove.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import { LEDGER_PATH } from '../../../../src/core/model/ledger.ts';
import { OVERRIDES_PATH } from '../../../../src/core/model/override.ts';
import { type UnreadableCause, unreadable } from '../../../../src/core/model/reading.ts';
import { Paths } from '../../../../src/linux/files/paths.ts';
import { readLedger } from '../../../../src/linux/state/ledger.ts';
import { readOverrides } from '../../../../src/linux/state/overrides.ts';
import { arpValues, FakeHost } from '../../../support/fake-host.ts';

const NO_LINKS = { links: [], promoteSecondaries: true, files: {} };
const host = (): FakeHost => new FakeHost({ ...NO_LINKS, all: arpValues(), default: arpValues() }, []);
const prepare = (fake: FakeHost) => prepareLedger(fake, { lockFd: null, timeoutMs: 1000 });
const HOLD = { kind: 'hold', reason: 'a test', forMs: null } as const;

describe('a ledger that cannot be read', () => {
  const cases: readonly [UnreadableCause, string, string][] = [
    ['corrupt', 'a newer rsprep wrote it', 'set aside as /var/lib/rsprep/state.json.bad'],
    ['newer', 'it is corrupt', 'failed'],
    ['privilege', 'it is corrupt', 'permission'],
    ['io', 'it is corrupt', 'failed'],
  ];

  it.each(cases)('%s, whatever its reason says', async (cause, reason, outcome) => {
    const fake = host();
    fake.readLedger = () => unreadable(cause, reason);
    const prepared = await prepare(fake);
    const said = prepared.kind === 'ready' ? prepared.notes.join() : prepared.failure.kind;
    expect(said).toContain(outcome);
    // The same without doing it: what only remove cannot do without is the one difference.
    const { failure } = planOfRemove(fake, emptyDesired);
    if (prepared.kind === 'failed') expect(failure).toEqual(prepared.failure);
    else expect(failure?.kind).toBe('failed');
  });
});

describe('below a root with a name like a reason', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'it is corrupt, a newer rsprep '));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const fifo = (path: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    execFileSync('mkfifo', [join(root, path)]);
  };

  it('a pipe in place of the ledger is refused, and not set aside', async () => {
    fifo(LEDGER_PATH);
    const fake = host();
    fake.readLedger = () => readLedger(new Paths(root));
    const prepared = await prepare(fake);
    expect(prepared.kind === 'failed' && prepared.failure.message).toMatch(/^cannot read the ledger: .* it is a pipe/);
  });

  it('a pipe in place of the overrides is not written over', async () => {
    fifo(OVERRIDES_PATH);
    const fake = host();
    fake.readOverrides = () => readOverrides(new Paths(root));
    const said = await setOverride(fake, HOLD, 0);
    expect(said.kind === 'failed' && said.failure.message).toMatch(/it is a pipe/);
    expect(fake.overrides).toEqual([]);
  });

  it('overrides that are no JSON are written anew', async () => {
    mkdirSync(dirname(join(root, OVERRIDES_PATH)), { recursive: true });
    writeFileSync(join(root, OVERRIDES_PATH), '{');
    const fake = host();
    fake.readOverrides = () => readOverrides(new Paths(root));
    expect(await setOverride(fake, HOLD, 0)).toMatchObject({ kind: 'written', overrides: [{ kind: 'hold' }] });
  });
});
