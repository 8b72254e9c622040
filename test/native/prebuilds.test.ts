// What ships is what the sources say: built again, in another folder, it has the same bytes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const script: string = '../../scripts/build-native.mjs';
const { buildPrebuilds, toolchain, PREBUILDS } = (await import(script)) as {
  buildPrebuilds(folder: string): Promise<unknown>;
  toolchain(): Promise<unknown>;
  readonly PREBUILDS: string;
};

// Other versions of a compiler give other code.
const wanted = JSON.parse(readFileSync(join(PREBUILDS, 'toolchain.json'), 'utf8')) as { clang: string; lld: string };
const here = await toolchain();
/** Without what would end the reason early: a version's own parentheses. */
const name = (version: string): string => version.replace(/ *\(.*/, '');
const lacks =
  JSON.stringify(here) === JSON.stringify(wanted)
    ? ''
    : ` (not run: needs ${name(wanted.clang)} and ${name(wanted.lld)})`;

it.skipIf(lacks !== '')(`prebuilds/ is built again to the same bytes${lacks}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-prebuilds-'));
  try {
    await buildPrebuilds(folder);
    for (const name of ['rsprep-x64.node', 'rsprep-arm64.node', 'toolchain.json'])
      expect(readFileSync(join(folder, name)).equals(readFileSync(join(PREBUILDS, name))), name).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
