import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { Paths } from '../../../../src/linux/files/paths.ts';

/** Another user than root, who is nobody. */
export const NOBODY = 65_534;
/** Why a test that makes files of other users is not run; empty for root. */
export const needsRoot = process.geteuid?.() === 0 ? '' : ' (not run: needs root)';

/** A root of its own for each test, below one folder that goes away. */
export function roots(): { readonly fresh: () => { readonly root: string; readonly paths: Paths } } {
  const folder = mkdtempSync(join(tmpdir(), 'rsp-files-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    fresh: () => {
      const root = mkdtempSync(join(folder, 'r-'));
      return { root, paths: new Paths(root) };
    },
  };
}

export const namesIn = (folder: string): readonly string[] => readdirSync(folder).sort();
export const modeOf = (file: string): number => lstatSync(file).mode & 0o7777;
