// `npm run bench`: every benchmark this machine can run, each with its reference in the same run; one that it cannot is named with what it
// lacks, and is no failure.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lackedNamespaces, lackedPrograms } from '../scripts/test/needs.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const TABLES = [
  { file: 'verify.mjs', what: 'verify and apply', lacks: () => [...lackedNamespaces(), ...lackedPrograms(['ip'])] },
  {
    file: 'commands.mjs',
    what: 'every command',
    lacks: () => [...lackedNamespaces(), ...lackedPrograms(['bash', 'flock', 'ip'])],
  },
  {
    file: 'everything.mjs',
    what: 'verify with everything on',
    lacks: () => [...lackedNamespaces(), ...lackedPrograms(['ip', 'nft'])],
  },
  { file: 'udp/run.mjs', what: 'UDP', lacks: () => lackedPrograms(['cc', 'taskset']) },
];
let failed = 0;
for (const { file, what, lacks } of TABLES) {
  const missing = lacks();
  if (missing.length > 0) {
    console.log(`\n${what}: not run: needs ${missing.join(', ')}`);
    continue;
  }
  const { status } = spawnSync(process.execPath, [join(here, file), ...process.argv.slice(2)], { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
