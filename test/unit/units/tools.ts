import { spawnSync } from 'node:child_process';

export interface Said {
  readonly status: number | null;
  readonly text: string;
}

export function run(program: string, ...args: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, text: `${stdout ?? ''}${stderr ?? ''}` };
}

/**
 * What a test needs besides Node, as the words behind its name: empty, or why it is not run, which the test runner counts
 * (RSPREP_TEST_ALL=1: as a failure).
 */
export function needs(program: string, debianPackage: string): string {
  const there = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  return there ? '' : ` (not run: needs ${program}, Debian package ${debianPackage})`;
}
