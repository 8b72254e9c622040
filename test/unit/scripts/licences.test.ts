// Every package whose code ships is named with its licence: the licences ask for it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Licences {
  bundledPackages(metafiles: readonly Pick<Metafile, 'outputs'>[]): readonly string[];
  thirdPartyNotices(root: string, directories: readonly string[]): string;
}
const root = fileURLToPath(new URL('../../..', import.meta.url));
const script: string = '../../../scripts/licences.mjs';
const { bundledPackages, thirdPartyNotices } = (await import(script)) as Licences;

describe('dist/THIRD-PARTY-NOTICES.txt', () => {
  it('names every package that a bundle of all entry points contains, with its licence', async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ['src/loader.ts', 'src/main.ts', 'src/linux/observe/probe-thread.ts', 'src/udp/index.ts'],
      ...{ bundle: true, minify: true, write: false, metafile: true, platform: 'node', format: 'cjs', outdir: 'none' },
      alias: { yaml: './node_modules/yaml/browser/index.js' },
    });
    const directories = bundledPackages([metafile]);
    expect(directories.length).toBeGreaterThan(20);
    const notices = readFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const directory of directories) {
      const { name, version } = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'));
      expect(notices, 'dist/ is stale: npm run build').toContain(`\n${name} ${version}\n====`);
    }
    expect(
      notices.match(/permission to use, copy|Permission is hereby granted|Redistribution and use|Apache License/gi)
        ?.length,
    ).toBeGreaterThanOrEqual(directories.length);
  });
});

describe('a package', () => {
  let folder: string;
  const make = (directory: string, files: Readonly<Record<string, string>>): void => {
    mkdirSync(join(folder, directory), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, directory, name), text);
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rsprep-licences-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('counts where its code is in an output: with a scope, and inside another package', () => {
    const inputs = {
      'src/main.ts': { bytesInOutput: 9 },
      'node_modules/@a/b/lib/x.js': { bytesInOutput: 9 },
      'node_modules/@a/b/lib/y.js': { bytesInOutput: 9 },
      'rare:node_modules/c/index.js': { bytesInOutput: 9 },
      'node_modules/c/node_modules/d/index.js': { bytesInOutput: 9 },
      'node_modules/shaken/index.js': { bytesInOutput: 0 },
    };
    const metafile = { outputs: { 'dist/x.cjs': { bytes: 1, inputs, imports: [], exports: [] } } };
    expect(bundledPackages([metafile])).toEqual([
      'node_modules/@a/b',
      'node_modules/c',
      'node_modules/c/node_modules/d',
    ]);
  });

  it('is printed with its licence in full', () => {
    make('node_modules/ok', {
      'package.json': '{"name":"ok","version":"1.2.3","license":"ISC"}',
      'LICENSE.md': 'Copyright (c) somebody\n',
    });
    const text = thirdPartyNotices(folder, ['node_modules/ok']);
    expect(text).toContain('  ok 1.2.3 (ISC)\n');
    expect(text).toMatch(/\nok 1\.2\.3\n=+\n\nCopyright \(c\) somebody\n$/);
  });

  it('without a licence file stops the build', () => {
    make('node_modules/bare', { 'package.json': '{"name":"bare","version":"1.0.0","license":"MIT"}' });
    expect(() => thirdPartyNotices(folder, ['node_modules/bare'])).toThrow(/bare 1\.0\.0 .* has no licence file/);
  });
});
