import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Paths } from '../files/paths.ts';
import { read } from '../process/command.ts';
import { PROGRAM_DIRECTORY } from './files.ts';

/** Beside the program; src/loader.ts reads it. No part of the manifest: it is made on the host, and another for every Node. */
const CACHE_FILE = `${PROGRAM_DIRECTORY}/rsprep.code-cache`;
const LIMIT_MS = 60_000;

/**
 * What the host's Node makes of the installed program, so that `verify` starts in two thirds of the time. Runs one `verify`,
 * which only reads. @returns a note where there is none: that is only slower
 */
export function makeCodeCache(paths: Paths, node: string): string | null {
  const program = paths.at(`${PROGRAM_DIRECTORY}/rsprep.cjs`);
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-install-'));
  try {
    const config = join(folder, 'rsprep.yaml');
    writeFileSync(config, 'version: 1\nvips: [192.0.2.1]\n', { mode: 0o644 });
    const verify = ['verify', '--root', folder, '-c', config];
    read([node, program, '--write-code-cache', paths.at(CACHE_FILE), ...verify], { timeoutMs: LIMIT_MS });
    return existsSync(paths.at(CACHE_FILE)) ? null : `${CACHE_FILE} could not be made: rsprep only starts slower`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const deleteCodeCache = (paths: Paths): void => rmSync(paths.at(CACHE_FILE), { force: true });
