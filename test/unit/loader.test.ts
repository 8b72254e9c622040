// The program alone, with its code cache for each way Node is started, and with one that is not for it.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CACHE_NAME, cachePath, readCache, writeCache } from '../../src/code-cache.ts';
import { JITLESS } from '../../src/linux/install/files.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const dist = join(root, 'dist');
const folder = mkdtempSync(join(tmpdir(), 'rsprep-loader-'));
const program = join(folder, 'rsprep.cjs');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cachesIn = (place: string) => readdirSync(place).filter((name) => CACHE_NAME.test(name));
/** Of this Node, started without options. */
const cache = cachePath(folder, readFileSync(join(dist, 'rsprep-program.cjs')));

beforeEach(putProgram);

function putProgram(): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  for (const name of ['rsprep.cjs', 'rsprep-program.cjs']) copyFileSync(join(dist, name), join(folder, name));
}

function start(options: readonly string[], ...words: readonly string[]) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const argv = [...options, program, ...words];
  return spawnSync(process.execPath, argv, {
    env,
    encoding: 'utf8',
    input: 'version: 1\nvips: [192.0.2.1]\n',
    timeout: 60_000,
  });
}

const checked = (options: readonly string[] = []) => start(options, 'config', 'check', '-c', '-');
const says = { status: 0, stdout: '-: fine, 1 VIP\n', stderr: '' };
const copyCaches = () => {
  for (const name of cachesIn(dist)) copyFileSync(join(dist, name), join(folder, name));
};

describe('rsprep.cjs', () => {
  it('needs nothing but the program beside it: no cache, no addon, no package; and it writes nothing', () => {
    expect(checked()).toMatchObject(says);
    // Without the addon ip(8) is started by node:child_process.
    expect(start([], 'verify', '--format', 'json', '--root', folder, '-c', '-').stdout).toContain('"format_version"');
    expect(readdirSync(folder).sort()).toEqual(['rsprep-program.cjs', 'rsprep.cjs']);
  });

  it('names the file that is missing when it was copied without the program', () => {
    rmSync(join(folder, 'rsprep-program.cjs'));
    const { status, stderr } = checked();
    expect(status).toBe(70);
    expect(stderr).toContain(`open '${join(folder, 'rsprep-program.cjs')}'`);
    expect(stderr).toContain('next: keep rsprep.cjs with the files it came with');
  });

  it('uses the cache that the build made, and leaves it as it is', () => {
    copyCaches();
    const before = statSync(cache, { bigint: true });
    expect(checked()).toMatchObject(says);
    expect(statSync(cache, { bigint: true })).toMatchObject({
      mtimeNs: before.mtimeNs,
      ino: before.ino,
      size: before.size,
    });
  });

  for (const [name, options] of [
    ['as people start it', []],
    ['with --jitless, as rsprep-report.service does', JITLESS],
  ] as const) {
    it(`starts from its cache ${name}`, () => {
      expect(start(options, '--write-code-cache')).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^made /),
      });
      putProgram();
      copyCaches();
      expect(start(options, '--write-code-cache')).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^renewed /),
      });
      expect(checked(options)).toMatchObject(says);
    });
  }

  it('starts without a code cache where V8 has other flags', () => {
    copyCaches();
    expect(start(['--no-lazy'], '--write-code-cache').stdout).toMatch(/^made /);
    expect(checked(['--no-lazy'])).toMatchObject(says);
  });

  it('is not held up by what is no file in the place of its cache', () => {
    expect(spawnSync('mkfifo', [cache]).status).toBe(0);
    expect(checked()).toMatchObject(says);
    rmSync(cache);
    symlinkSync('/dev/zero', cache);
    expect(checked()).toMatchObject(says);
  });

  it('runs on with a damaged cache as with none', () => {
    copyCaches();
    const good = readFileSync(cache);
    for (const damage of [
      good.subarray(0, 100),
      good.subarray(0, good.length - 1),
      Buffer.alloc(0),
      flipped(good, good.length * 4),
    ]) {
      writeFileSync(cache, damage);
      expect(checked()).toMatchObject(says);
    }
  });
});

describe('a code cache', () => {
  it('is refused with any of its bits flipped, and with any of its bytes missing', () => {
    const file = join(folder, 'some.cache');
    writeCache(file, Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 31) % 251)));
    const good = readFileSync(file);
    expect(readCache(file)).toEqual(good.subarray(32));
    for (let bit = 0; bit < good.length * 8; bit += 7) {
      writeFileSync(file, flipped(good, bit));
      expect(readCache(file), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < good.length; length += 13) {
      writeFileSync(file, good.subarray(0, length));
      expect(readCache(file), `${length} bytes`).toBeUndefined();
    }
  });

  it('is of one program: another of the same length has another', () => {
    expect(cachePath('/x', Buffer.from('program 1'))).not.toBe(cachePath('/x', Buffer.from('program 2')));
  });

  it('leaves nothing half-written where it cannot be put in place', () => {
    expect(() => writeCache(join(folder, 'gone/x.cache'), Buffer.alloc(10))).toThrow('ENOENT');
    spawnSync('mkdir', ['-p', join(folder, 'taken.cache/x')]);
    expect(() => writeCache(join(folder, 'taken.cache'), Buffer.alloc(10))).toThrow();
    expect(readdirSync(folder).filter((name) => name.startsWith('taken'))).toEqual(['taken.cache']);
  });

  it('does not ship', () => {
    expect(cachesIn(dist)).toHaveLength(2);
    const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['dist/rsprep.cjs', 'dist/rsprep-program.cjs', 'dist/rsprep-packages.cjs']),
    );
    expect(paths.filter((path) => path.endsWith('.cache'))).toEqual([]);
  });
});

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
