// scripts/release.mjs in a copy of this tree that is a repository of its own, so that nothing here gets a tag.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const NOT_COPIED = ['.git', 'node_modules', 'dist', 'build', 'coverage', '.cache'];
/** The tests are not run again in here: it notes what is asked of it, and only packs. */
const NPM = `#!/bin/sh
case $1 in
  run | test) echo "$* RSPREP_TEST_ALL=$RSPREP_TEST_ALL" >>"$NPM_LOG" ;;
  *) exec node "$REAL_NPM" "$@" ;;
esac
`;
/** Two builds, on a busy machine. */
const LIMIT_MS = 300_000;
let tree: string;
let tools: string;
let base: string;

const git = (...args: readonly string[]): string => execFileSync('git', args, { cwd: tree, encoding: 'utf8' }).trim();
const npmLog = (): string => join(tools, 'log');
const release = (...args: readonly string[]): { readonly status: number | null; readonly text: string } => {
  const env = {
    ...process.env,
    ...{ PATH: `${tools}:${process.env.PATH}`, NPM_LOG: npmLog(), NO_COLOR: '1', RSPREP_TEST_ALL: '' },
    REAL_NPM: execFileSync('sh', ['-c', 'realpath "$(command -v npm)"'], { encoding: 'utf8' }).trim(),
  };
  const argv = [join(tree, 'scripts/release.mjs'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: tree, env, encoding: 'utf8' });
  return { status, text: stdout + stderr };
};
const edit = (path: string, change: (text: string) => string): void =>
  writeFileSync(join(tree, path), change(readFileSync(join(tree, path), 'utf8')));
const version = (): string => JSON.parse(readFileSync(join(tree, 'package.json'), 'utf8')).version;
const today = (): string => new Date().toISOString().slice(0, 10);

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'rsprep-release-test-'));
  tools = mkdtempSync(join(tmpdir(), 'rsprep-release-tools-'));
  writeFileSync(join(tools, 'npm'), NPM, { mode: 0o755 });
  for (const name of readdirSync(root)) {
    if (!NOT_COPIED.includes(name)) cpSync(join(root, name), join(tree, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  git('init', '--quiet');
  git('config', 'user.name', 'Test');
  git('config', 'user.email', 'test@example.invalid');
  writeFileSync(join(tree, '.git/info/exclude'), 'node_modules\n');
  edit('CHANGELOG.md', (text) => text.replace(/^## .*$/m, `## ${version()}, ${today()}`));
  git('add', '--all');
  git('commit', '--quiet', '--message', 'a tree that can be released');
  base = git('rev-parse', 'HEAD');
}, LIMIT_MS);
afterAll(() => {
  for (const folder of [tree, tools]) rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(npmLog(), { force: true });
  git('reset', '--quiet', '--hard', base);
  git('clean', '--quiet', '-d', '--force');
});

describe('the release script refuses', { timeout: LIMIT_MS }, () => {
  it.each([
    ['changes', () => edit('README.md', (text) => `${text}\n`), 'M README.md'],
    ['a new file', () => writeFileSync(join(tree, 'src/new.ts'), ''), '?? src/new.ts'],
  ])('%s that nobody committed', (_what, change, said) => {
    change();
    const { status, text } = release();
    expect(status).toBe(1);
    expect(text).toContain(said);
    expect(text).not.toContain('building');
  });

  it.each([
    [
      'a CHANGELOG without this version',
      () => edit('CHANGELOG.md', (text) => text.replace(/^## \S+,/m, '## 99.0.0,')),
      /expected "## \d+\.\d+\.\d+, [-\d]+", found "## 99\.0\.0, /,
    ],
    [
      'a CHANGELOG without a date',
      () => edit('CHANGELOG.md', (text) => text.replace(/^(## \S+), .*$/m, '$1, unreleased')),
      /expected "## \S+, [-\d]+", found "## \S+, unreleased"/,
    ],
    [
      'the date of another day',
      () => edit('CHANGELOG.md', (text) => text.replace(/^(## \S+), .*$/m, '$1, 2020-02-20')),
      /the date has to be today’s: expected .*, found "## \S+, 2020-02-20"/,
    ],
    [
      'a section without a word',
      () => edit('CHANGELOG.md', (text) => text.replace(/^(## .*)$[\s\S]*/m, '$1\n')),
      /the section "## .*" is empty/,
    ],
    [
      'two versions',
      () => edit('package-lock.json', (text) => text.replace(/"version": "[^"]+"/, '"version": "98.0.0"')),
      /package-lock\.json 98\.0\.0: npm install --package-lock-only/,
    ],
    [
      'prebuilt addons that are older than their sources',
      () => writeFileSync(join(tree, 'src/native/new.h'), '/* new */\n'),
      /rsprep-x64\.node is older than src\/native: .*build-native\.mjs --prebuilds[\s\S]*rsprep-arm64\.node is older/,
    ],
    [
      'generated documents that are stale',
      () => edit('docs/checks.md', (text) => text.replace('## arp-ignore', '## arp-ignored')),
      /docs\/checks\.md is not what the source says: npm run docs/,
    ],
    ['a tag that is there already', () => git('tag', `v${version()}`), /the tag v\S+ is there already/],
  ])('%s', (_what, change, said) => {
    change();
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '--message', 'wrong');
    const { status, text } = release();
    if (git('tag') !== '') git('tag', '--delete', git('tag'));
    expect(status).toBe(1);
    expect(text).toMatch(said);
    expect(text).not.toContain('building');
  });

  it('an option that it does not know', () => expect(release('--bogus').status).toBe(64));
});

describe('the release script', { timeout: LIMIT_MS }, () => {
  it('builds, runs every test, packs, and makes a tag only with --tag', () => {
    const rehearsal = release();
    expect(rehearsal.text).toContain(`release: build/rsprep-${version()}.tgz is what would be released`);
    expect(rehearsal.status).toBe(0);
    expect(existsSync(join(tree, `build/rsprep-${version()}.tgz.sha256`))).toBe(true);
    expect(readFileSync(npmLog(), 'utf8')).toBe('test RSPREP_TEST_ALL=1\n');
    expect(git('tag')).toBe('');

    expect(release('--tag')).toMatchObject({ status: 0 });
    expect(git('cat-file', '-t', `v${version()}`)).toBe('tag');
    expect(git('rev-list', '-n1', `v${version()}`)).toBe(base);
    expect(git('tag', '--list', '--format=%(contents)')).toContain(`rsprep ${version()}\n\n- `);
    expect(git('status', '--porcelain')).toBe('');
  });
});
