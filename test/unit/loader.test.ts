// The bundle alone, with its code cache, and with one that is not for it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const dist = join(dirname(fileURLToPath(import.meta.url)), '../../dist');
const folder = mkdtempSync(join(tmpdir(), 'rsprep-loader-'));
const program = join(folder, 'rsprep.cjs');
const cache = join(folder, 'rsprep.code-cache');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(() => {
  copyFileSync(join(dist, 'rsprep.cjs'), program);
  rmSync(cache, { force: true });
});

function rsprep(...words: readonly string[]) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return spawnSync(process.execPath, [program, ...words], {
    env,
    encoding: 'utf8',
    input: 'version: 1\nvips: [192.0.2.1]\n',
  });
}

const checked = () => rsprep('config', 'check', '-c', '-');
const says = { status: 0, stdout: '-: fine, 1 VIP\n', stderr: '' };

describe('rsprep.cjs', () => {
  it('is whole by itself: no cache, no addon, and it writes nothing', () => {
    expect(checked()).toMatchObject(says);
    // Without the addon ip(8) is started by node:child_process.
    expect(rsprep('verify', '--format', 'json', '--root', folder, '-c', '-').stdout).toContain('"format_version"');
    expect(existsSync(cache)).toBe(false);
  });

  it('uses the cache that the build made, and leaves it as it is', () => {
    copyFileSync(join(dist, 'rsprep.code-cache'), cache);
    const before = statSync(cache, { bigint: true });
    expect(checked()).toMatchObject(says);
    expect(statSync(cache, { bigint: true })).toMatchObject({
      mtimeNs: before.mtimeNs,
      ino: before.ino,
      size: before.size,
    });
  });

  it('runs the text of the cache only when the cache is of this very build', () => {
    const good = readFileSync(join(dist, 'rsprep.code-cache'));
    for (const damage of [
      good.subarray(0, 100),
      good.subarray(0, good.length / 4),
      good.subarray(0, good.length - 1000),
      Buffer.from(good.toString('latin1').replace(/^./, 'x'), 'latin1'), // another build
      Buffer.from(good.toString('latin1').replace(process.version, 'v1.2.3'.padEnd(process.version.length)), 'latin1'),
      Buffer.alloc(0),
      Buffer.alloc(good.length),
    ]) {
      writeFileSync(cache, damage);
      expect(checked()).toMatchObject(says);
    }
  });

  it('starts without a code cache where V8 refuses it', () => {
    copyFileSync(join(dist, 'rsprep.code-cache'), cache);
    const result = spawnSync(process.execPath, ['--no-lazy', program, 'config', 'check', '-c', '-'], {
      encoding: 'utf8',
      input: 'version: 1\nvips: [192.0.2.1]\n',
    });
    expect(result).toMatchObject(says);
  });

  it('says that it is damaged when a part is missing', () => {
    writeFileSync(
      program,
      readFileSync(program, 'latin1')
        .replace('"rsprep:cold"', '"rsprep:gone"')
        .replace(/cold:\[/, 'gone:['),
    );
    const { status, stderr } = checked();
    expect(status).toBe(70);
    expect(stderr).toContain('rsprep.cjs has no part cold: the file is damaged, install it again');
  });
});
