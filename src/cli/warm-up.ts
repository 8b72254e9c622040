import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from './context.ts';
import { runProgram } from './program.ts';

/** What people, cron and monitoring run; none of them changes the host. V8 keeps in a code cache what has run. */
const COMMANDS: readonly (readonly string[])[] = [
  ['verify'],
  ['check'],
  ['report'],
  ['plan'],
  ['apply', '--dry-run'],
  ['status'],
  ['explain'],
  ['ask', '--payload'],
  ['config', 'check'],
  ['--version'],
];

/** Runs each of these commands once on an example configuration, below a temporary folder, without showing anything. */
export async function warmUp(io: Io): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-warm-up-'));
  try {
    const config = join(folder, 'rsprep.yaml');
    writeFileSync(config, 'version: 1\nvips: [192.0.2.1, "2001:db8::1"]\n', { mode: 0o644 });
    const silent: Io = { ...io, out: () => undefined, err: () => undefined, setExitCode: () => undefined };
    const where = ['--root', folder, '-c', config];
    for (const command of COMMANDS)
      await runProgram([...command, ...(command[0]?.startsWith('-') ? [] : where)], silent);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
