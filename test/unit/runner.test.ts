// What `npm test` says and how it ends, whatever becomes of its tiers.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Machine {
  readonly uid: () => number;
  readonly has: (program: string) => boolean;
  readonly canUnshare: () => boolean;
}
interface Ran {
  readonly lines: readonly object[];
  readonly status: number | null;
}
interface Tier {
  readonly name: string;
  readonly lane: string;
  readonly lacks: () => readonly string[];
  readonly run: (say: (line: string) => void) => Promise<Ran>;
}
interface Host {
  readonly debian: boolean;
  readonly root: boolean;
  readonly optOut: boolean;
  readonly missing: (wanted: readonly string[]) => readonly string[];
}

const load = async (name: string): Promise<unknown> => await import(join(ROOT, 'scripts/test', name));
const { runTiers } = (await load('run.mjs')) as {
  runTiers(tiers: readonly Tier[], options: { say: (line: string) => void; all: boolean }): Promise<0 | 1>;
};
const { netnsLacks } = (await load('needs.mjs')) as { netnsLacks(machine: Machine): readonly string[] };
const { runVitest } = (await load('vitest.mjs')) as {
  runVitest(project: string, say: (line: string) => void, program: readonly string[]): Promise<Ran>;
};
const { decideInstall, PACKAGES, unpackPromtool } = (await load('packages.mjs')) as {
  decideInstall(wanted: readonly string[], host: Host): { install: readonly string[]; say: string | null };
  unpackPromtool(
    host: Pick<Host, 'debian' | 'optOut'> & Pick<Machine, 'has'>,
    folder: string,
  ): readonly string[] | null;
  readonly PACKAGES: Readonly<Record<string, readonly string[]>>;
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rsp-runner-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const passing = { name: 'works', state: 'passed', retries: 0 };
const fileOf = (...tests: readonly object[]): object => ({ file: 'a.test.ts', tests, errors: [] });
const END = { end: 'passed', errors: [] };
const tier = (name: string, ran: Partial<Ran>, more: Partial<Tier> = {}): Tier => ({
  name,
  lane: 'front',
  lacks: () => [],
  run: async () => ({ lines: [fileOf(passing), END], status: 0, ...ran }),
  ...more,
});

async function outcome(tiers: readonly Tier[], all = false): Promise<{ code: number; last: string; text: string }> {
  const lines: string[] = [];
  const code = await runTiers(tiers, { say: (line) => lines.push(line), all });
  return { code, last: lines.at(-1) ?? '', text: lines.join('\n') };
}

describe('the last line and the exit code', () => {
  const inNobodysShoes: Machine = { uid: () => 1000, has: () => true, canUnshare: () => false };
  const withoutNft: Machine = { uid: () => 0, has: (program) => program !== 'nft', canUnshare: () => true };
  const skipped = { name: 'zsh (not run: needs zsh, Debian package zsh) completes', state: 'skipped', retries: 0 };
  const again = { name: 'flaps', state: 'passed', retries: 1 };
  const failed = { name: 'breaks', state: 'failed', retries: 1 };

  it.each<[string, readonly Tier[], boolean, 0 | 1, string, string]>([
    ['all is well', [tier('unit', {})], true, 0, '1 passed, 0 failed', 'unit'],
    [
      'not root',
      [tier('unit', {}), tier('netns', {}, { lacks: () => netnsLacks(inNobodysShoes) })],
      false,
      0,
      '1 passed, 0 failed',
      'netns     not run: needs root',
    ],
    [
      'a tool is missing',
      [tier('unit', {}), tier('netns', {}, { lacks: () => netnsLacks(withoutNft) })],
      false,
      0,
      '1 passed, 0 failed',
      'netns     not run: needs nft (Debian package nftables)',
    ],
    [
      'a tool is missing, in CI',
      [tier('unit', {}), tier('netns', {}, { lacks: () => netnsLacks(withoutNft) })],
      true,
      1,
      '1 passed, 1 failed',
      'RSPREP_TEST_ALL=1: what was not run counts as failed',
    ],
    [
      'a test needs a tool',
      [tier('unit', { lines: [fileOf(passing, skipped), END] })],
      false,
      0,
      '1 passed, 0 failed',
      '1 passed, 1 not run (needs zsh, Debian package zsh)',
    ],
    [
      'a test needs a tool, in CI',
      [tier('unit', { lines: [fileOf(passing, skipped), END] })],
      true,
      1,
      '1 passed, 1 failed',
      'unit: not run, needs zsh, Debian package zsh: a.test.ts: zsh completes',
    ],
    [
      'a test is skipped and does not say why',
      [tier('unit', { lines: [fileOf(passing, { ...skipped, name: 'zsh' }), END] })],
      false,
      1,
      '1 passed, 1 failed',
      'unit: failed a.test.ts: zsh: skipped without a reason',
    ],
    [
      'a test fails',
      [tier('unit', { lines: [fileOf(passing, failed), END], status: 1 })],
      false,
      1,
      '1 passed, 1 failed',
      'unit: failed a.test.ts: breaks',
    ],
    [
      'two tests needed a second try',
      [tier('load', { lines: [fileOf(again, again), END] })],
      true,
      0,
      '2 passed, 0 failed',
      'load: passed on its second try: a.test.ts: flaps',
    ],
    [
      'six did, in two tiers',
      [
        tier('load', { lines: [fileOf(again, again, again), END] }),
        tier('real', { lines: [fileOf(again, again, again), END] }),
      ],
      false,
      1,
      '6 passed, 1 failed',
      'failed: 6 tests needed a second try',
    ],
    [
      'vitest crashes in its middle',
      [tier('netns', { lines: [fileOf(passing)], status: null })],
      false,
      1,
      '1 passed, 1 failed',
      'netns: failed: vitest ended with a signal before it was through',
    ],
    ['vitest finds no test', [tier('netns', { lines: [END] })], false, 1, '0 passed, 1 failed', 'there was no test'],
    [
      'vitest ends badly and names no test',
      [tier('netns', { status: 1 })],
      false,
      1,
      '1 passed, 1 failed',
      'netns: failed: vitest ended with 1',
    ],
    [
      'a hook fails, so that what is below it was skipped',
      [
        tier('real', {
          lines: [{ file: 'b.test.ts', tests: [{ ...skipped, name: 'x' }], errors: ['no guest'] }, END],
          status: 1,
        }),
      ],
      false,
      1,
      '0 passed, 1 failed',
      'real: failed b.test.ts: no guest',
    ],
    [
      'a tier ends in an exception, and so does the look at what another needs',
      [
        tier('unit', {}),
        tier('netns', {}, { run: () => Promise.reject(new Error('EMFILE')) }),
        tier(
          'real',
          {},
          {
            lacks: () => {
              throw new Error('ENOSPC');
            },
          },
        ),
      ],
      true,
      1,
      '1 passed, 2 failed',
      'netns: failed: EMFILE',
    ],
    [
      'nothing can be run',
      [tier('netns', {}, { lacks: () => ['root'] })],
      false,
      1,
      '0 passed, 1 failed',
      'failed: nothing was run',
    ],
  ])('%s', async (_name, tiers, all, code, last, words) => {
    const said = await outcome(tiers, all);
    expect({ code: said.code, last: said.last }).toEqual({ code, last });
    expect(said.text).toContain(words);
  });

  it('lanes run side by side, and what must be alone after them', async () => {
    const order: string[] = [];
    const noted = (name: string, lane: string, ms: number): Tier =>
      tier(
        name,
        {},
        {
          lane,
          run: async () => {
            order.push(`${name} starts`);
            await new Promise((resolve) => setTimeout(resolve, ms));
            order.push(`${name} ends`);
            return { lines: [fileOf(passing), END], status: 0 };
          },
        },
      );
    await outcome([noted('a', 'front', 50), noted('load', 'alone', 1), noted('b', 'back', 1)]);
    expect(order).toEqual(['a starts', 'b starts', 'b ends', 'a ends', 'load starts', 'load ends']);
  });
});

describe('a vitest', () => {
  const tries = async (script: string): Promise<{ code: number; last: string; text: string }> => {
    const file = join(folder, 'vitest.mjs');
    writeFileSync(
      file,
      `import { appendFileSync } from 'node:fs';
const say = (value) => appendFileSync(process.env.RSPREP_TEST_RESULT, JSON.stringify(value) + '\\n');\n${script}`,
    );
    const run = (say: (line: string) => void): Promise<Ran> => runVitest('unit', say, [process.execPath, file]);
    return await outcome([tier('unit', {}, { run })]);
  };
  it('that is killed leaves what it had found', async () => {
    const file = JSON.stringify(fileOf(passing));
    const said = await tries(
      `say(${file}); appendFileSync(process.env.RSPREP_TEST_RESULT, '{"fi'); process.kill(process.pid, 'SIGKILL');`,
    );
    expect(said).toMatchObject({ code: 1, last: '1 passed, 1 failed' });
  });
  it('that does not start is a failure, and what it said is there', async () => {
    const said = await tries(`console.error('no such module'); process.exit(3);`);
    expect(said).toMatchObject({ code: 1, last: '0 passed, 1 failed' });
    expect(said.text).toContain('unit | no such module');
    expect(said.text).toContain('vitest ended with 3 before it was through');
  });
});

it('the reporter tells passed, failed, retried, not run and broken apart', () => {
  const result = join(folder, 'result.jsonl');
  writeFileSync(
    join(folder, 'kinds.test.mjs'),
    `import { beforeAll, describe, expect, it } from ${JSON.stringify(import.meta.resolve('vitest'))};
let tries = 0;
it('passes', () => {});
it('fails', () => expect(1).toBe(2));
it('flaps', { retry: 1 }, () => expect(++tries).toBe(2));
it.skip('fish (not run: needs fish)', () => {});
describe('broken', () => { beforeAll(() => { throw new Error('no guest'); }); it('below', () => {}); });`,
  );
  const reporter = join(ROOT, 'scripts/test/reporter.mjs');
  const argv = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder, `--reporter=${reporter}`];
  const { VITEST: _vitest, ...env } = process.env;
  const { stdout } = spawnSync(process.execPath, argv, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...env, RSPREP_TEST_RESULT: result, NO_COLOR: '1' },
  });
  const [file, end] = readFileSync(result, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)) as [
    { file: string; tests: { name: string; state: string; retries: number }[]; errors: string[] },
    { end: string },
  ];
  expect(file.tests.map(({ name, state, retries }) => `${name}: ${state} ${retries}`)).toEqual([
    'passes: passed 0',
    'fails: failed 0',
    'flaps: passed 1',
    'fish (not run: needs fish): skipped 0',
    'broken > below: skipped 0',
  ]);
  expect(file.errors.join()).toContain('no guest');
  expect(end.end).toBe('failed');
  expect(stdout).toContain('FAILED kinds.test.mjs');
  expect(stdout).toContain('expected 1 to be 2');
});

describe('what it installs', () => {
  const host: Host = {
    debian: true,
    root: true,
    optOut: false,
    missing: (wanted) => wanted.filter((n) => n !== 'git'),
  };
  const wanted = ['git', 'nftables', 'zsh'];
  it.each<[string, Partial<Host>, readonly string[], string | null]>([
    [
      'as root on Debian, what is missing, and says so first',
      {},
      ['nftables', 'zsh'],
      'installing Debian packages (RSPREP_TEST_INSTALL=0 leaves that to you): nftables zsh',
    ],
    ['nothing where nothing is missing', { missing: () => [] }, [], null],
    [
      'nothing where that is not wanted',
      { optOut: true },
      [],
      'not installed, as RSPREP_TEST_INSTALL=0 says: nftables zsh',
    ],
    ['nothing without root', { root: false }, [], 'not installed, which needs root: apt-get install nftables zsh'],
    ['nothing elsewhere: the tiers name what they lack', { debian: false }, [], null],
  ])('%s', (_name, differs, install, say) => {
    expect(decideInstall(wanted, { ...host, ...differs })).toEqual({ install, say });
  });
  it('unpacks promtool, whose package would start a server, only where there is none', () => {
    const nowhere = join(tmpdir(), 'rsprep-no-such-folder');
    const may = { debian: true, optOut: false, has: () => false };
    expect(unpackPromtool(may, nowhere)?.at(-1)).toBe(nowhere);
    for (const differs of [{ debian: false }, { optOut: true }, { has: (name: string) => name === 'promtool' }])
      expect(unpackPromtool({ ...may, ...differs }, nowhere)).toBeNull();
    expect(Object.values(PACKAGES).flat()).not.toContain('prometheus');
  });
  it('is named without a release', () => {
    expect(
      Object.values(PACKAGES)
        .flat()
        .filter((name) => /\d/.test(name.replace('libc6-dev', '').replace('iproute2', ''))),
    ).toEqual([]);
  });
});
