// One tier in a vitest of its own, whose lines come back as they are said and whose results as the reporter wrote them.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { UNPACKED } from './packages.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const VITEST = join(root, 'node_modules/vitest/vitest.mjs');
const REPORTER = join(root, 'scripts/test/reporter.mjs');

/** @param program of the unit test, in place of vitest */
export async function runVitest(project, say, program = [process.execPath, VITEST]) {
  const file = join(tmpdir(), `rsprep-test-${process.pid}-${project}.jsonl`);
  rmSync(file, { force: true });
  const status = await spoken([...program, 'run', '--project', project, `--reporter=${REPORTER}`], say, {
    RSPREP_TEST_RESULT: file,
    NO_COLOR: '1',
    PATH: `${process.env.PATH}:${join(UNPACKED, 'usr/bin')}`,
  });
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(parsed) : [];
  rmSync(file, { force: true });
  return { lines: lines.filter((line) => line !== null), status };
}

/** Runs a program whose lines, of both outputs, go to `say`. @returns its exit status, null where a signal ended it */
export function spoken(argv, say, env = {}) {
  const [program, ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', say);
    child.on('error', ({ message }) => {
      say(message);
      resolve(null);
    });
    child.on('close', resolve);
  });
}

/** Null for the last line of a vitest that was killed while it wrote it. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
