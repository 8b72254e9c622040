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
const cache = cachePath(folder);

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
    expect(status).toBe(1);
    expect(start([], 'check').status).toBe(3);
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
      Buffer.alloc(good.length),
      flipped(good, good.length * 4),
    ]) {
      writeFileSync(cache, damage);
      expect(checked()).toMatchObject(says);
    }
  });

  it('does not use a cache of another program, though it has the same length', () => {
    copyCaches();
    const file = join(folder, 'rsprep-program.cjs');
    writeFileSync(file, readFileSync(file, 'latin1').replaceAll('fine, ', 'FINE, '), 'latin1');
    expect(checked()).toMatchObject({ ...says, stdout: '-: FINE, 1 VIP\n' });
  });
});

describe('what takes long to load', () => {
  const SLOW = ['child_process', 'crypto', 'dgram', 'dns', 'net', 'stream', 'v8'];
  const hook = join(folder, 'hook.cjs');
  const config = join(folder, 'rsprep.yaml');
  const verify = ['verify', '-c', config, '--root', folder];

  for (const words of [['--version'], ['explain', 'arp-ignore'], ['ask', '--payload'], verify]) {
    it(`is not loaded by rsprep ${words[0]}`, () => {
      writeFileSync(hook, "process.on('exit', () => require('fs').writeSync(2, 'LOADED ' + process.moduleLoadList));");
      writeFileSync(config, 'version: 1\nvips: [192.0.2.1]\n', { mode: 0o644 });
      // Of dist/ itself: without its addon, child_process starts ip(8).
      const { NODE_OPTIONS: _, ...env } = process.env;
      const argv = ['--require', hook, join(dist, 'rsprep.cjs'), ...words];
      const { stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8', timeout: 60_000 });
      const loaded = stderr.slice(stderr.indexOf('LOADED ')).split(',');
      expect(loaded).toContain('NativeModule vm');
      expect(loaded.filter((name) => SLOW.includes(name.replace('NativeModule ', '')))).toEqual([]);
    });
  }
});

describe('a code cache', () => {
  const text = Buffer.from('the program');
  const code = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 251));

  it('is refused with any of its bits flipped, with bytes missing, and with bytes too many', () => {
    const file = join(folder, 'some.cache');
    writeCache(file, text, code);
    const good = readFileSync(file);
    expect(readCache(file, text)).toEqual(code);
    const bits = good.length * 8;
    for (let bit = 0; bit < bits; bit += 20_011) {
      writeFileSync(file, flipped(good, bit));
      expect(readCache(file, text), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < good.length; length += 9001) {
      writeFileSync(file, good.subarray(0, length));
      expect(readCache(file, text), `${length} bytes`).toBeUndefined();
    }
    for (const more of [1, 2, 1000]) {
      writeFileSync(file, Buffer.concat([good, Buffer.alloc(more)]));
      expect(readCache(file, text), `${more} bytes more`).toBeUndefined();
    }
  });

  it('is of one program: not of another of the same length', () => {
    const file = join(folder, 'some.cache');
    writeCache(file, text, code);
    expect(readCache(file, Buffer.from('the prOgram'))).toBeUndefined();
    expect(readCache(file, Buffer.from('the program '))).toBeUndefined();
  });

  it('leaves nothing half-written where it cannot be put in place', () => {
    expect(() => writeCache(join(folder, 'gone/x.cache'), text, code)).toThrow('ENOENT');
    spawnSync('mkdir', ['-p', join(folder, 'taken.cache/x')]);
    expect(() => writeCache(join(folder, 'taken.cache'), text, code)).toThrow();
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
