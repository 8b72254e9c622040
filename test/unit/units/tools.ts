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
 * What a test needs besides Node, as the words behind its name: empty, or why it is not run. Where CI or RSPREP_TEST_ALL is set
 * nothing is excused: the package lists of CI bring everything.
 */
export function needs(program: string, debianPackage: string): string {
  const there = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  return there || process.env.CI || process.env.RSPREP_TEST_ALL
    ? ''
    : ` (not run: needs ${program}, Debian package ${debianPackage})`;
}
