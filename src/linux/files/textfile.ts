import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asOwnerOf } from './owner.ts';
import type { Paths } from './paths.ts';

/**
 * Replaces the textfile for node_exporter's collector, which reads any time: whole, by rename, under a name that does not
 * end in .prom until then. Not fsynced: after a power failure the next run writes it again.
 * @throws the system's error; the old file is then untouched.
 */
export function writeTextfile(paths: Paths, textfile: string, content: string): void {
  const file = paths.at(textfile);
  const directory = dirname(file);
  asOwnerOf(directory, () => {
    const partial = join(directory, `.${basename(file)}.${process.pid}`);
    mkdirSync(directory, { recursive: true });
    try {
      writeFileSync(partial, content, { flag: 'wx' });
      chmodSync(partial, 0o644); // whatever the umask of the unit
      renameSync(partial, file);
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    }
  });
}
