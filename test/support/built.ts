import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** vitest's globalSetup for tests that run dist/: an old one would fail, or pass, for what is no longer in src/. */
export default function buildWhereStale(): void {
  if (process.env.RSPREP_BUNDLE !== undefined) return; // somebody chose what to test
  const setup = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [setup], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('dist/ is older than src/ and could not be built: npm run build says why');
}
