// `npm run bench`: every benchmark, each with its reference in the same run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const files = ['verify.mjs', 'everything.mjs', 'udp/run.mjs']
  .map((name) => join(here, name))
  .filter((file) => existsSync(file));
let failed = 0;
for (const file of files) {
  const { status } = spawnSync(process.execPath, [file, ...process.argv.slice(2)], { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
