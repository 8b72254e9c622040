// The addon comes from the program's own copy: a file further up, where anybody may have put it, is not loaded.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const DIST = fileURLToPath(new URL('../../../dist', import.meta.url));
const ADDON = `rsprep-${process.arch}.node`;
let top = '';
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'rsprep-native-'));
});
afterEach(() => rmSync(top, { recursive: true }));

const put = (name: string, folder: string): void => {
  mkdirSync(join(top, folder), { recursive: true });
  copyFileSync(join(DIST, name), join(top, folder, name));
};
const load = (folder: string): { readonly status: number | null; readonly stderr: string } => {
  const program = `require(${JSON.stringify(join(top, folder, 'udp.cjs'))}).createSocket({ type: 'udp4' }).close()`;
  return spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
};

it('beside the program', () => {
  put('udp.cjs', 'lib/rsprep');
  put(ADDON, 'lib/rsprep');
  expect(load('lib/rsprep').status).toBe(0);
});

it('nowhere above it', () => {
  put('udp.cjs', 'usr/lib/rsprep');
  for (const folder of ['usr/lib/prebuilds', 'usr/lib/dist', 'usr/prebuilds', 'usr/dist', 'dist', 'prebuilds'])
    put(ADDON, folder);
  const { status, stderr } = load('usr/lib/rsprep');
  expect(status).toBe(1);
  expect(stderr).toContain(`${join(top, 'usr/lib/rsprep', ADDON)}: not there`);
  expect(stderr).not.toMatch(/\/(prebuilds|dist)\//);
});

it('in prebuilds/ beside the dist/ of a package, unless others may write there', () => {
  put('udp.cjs', 'package/dist');
  put(ADDON, 'package/prebuilds');
  expect(load('package/dist').status).toBe(0);
  chmodSync(join(top, 'package/prebuilds'), 0o777);
  expect(load('package/dist').status).toBe(1);
});
