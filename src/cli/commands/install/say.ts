import type { InstallStep, Wanted } from '../../../core/plan/install.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../../core/report/report.ts';
import { safe, safeJson, safeLines } from '../../../format/safe-text.ts';
import { PROGRAM_DIRECTORY } from '../../../linux/install/files.ts';
import type { Context, Io } from '../../context.ts';

/** What was done, or would be. */
export function say(
  { io, globals, paths }: Context,
  steps: readonly InstallStep[],
  notes: readonly string[],
  dryRun: boolean,
): void {
  if (globals.format === 'json') {
    const entries = steps.map((step) => ({ what: step.what, path: pathOf(step) }));
    const document = {
      format_version: FORMAT_VERSION,
      exit_code: 0,
      root: paths.root,
      dry_run: dryRun,
      steps: entries,
      notes,
    };
    io.out(safeJson(document));
    return;
  }
  const lines = steps.flatMap((step) => describe(step, globals.verbose));
  const same = steps.filter(({ what }) => what === 'leave').length;
  const summary =
    same > 0
      ? [`${same} ${same === 1 ? 'file is' : 'files are'} already as ${same === 1 ? 'it' : 'they'} should be`]
      : [];
  if (globals.quiet) return;
  io.out(safeLines([...(dryRun ? ['would do:'] : []), ...lines, ...summary, ...notes.map(inALine)]));
}

/** What begins with a blank goes on from the note before. */
const inALine = (note: string): string => (note.startsWith(' ') ? note : `note: ${note}`);

const pathOf = (step: InstallStep): string => (step.what === 'write' ? step.wanted.path : step.path);

function describe(step: InstallStep, verbose: boolean): readonly string[] {
  if (step.what === 'write') return [written(step.wanted, step.was)];
  if (step.what === 'delete') return [`delete    ${step.path}`];
  if (step.what === 'set-aside') return [`set aside ${step.path} (it was edited) as ${step.to}`];
  if (step.what === 'respect') return [`leave     ${step.path} away: it was taken away since the last install`];
  if (step.what === 'leave') return verbose ? [`leave     ${step.path}`] : [];
  const beside = step.beside ? `; the new version is ${step.path}.rsprep-new` : '';
  return [`keep      ${step.path}: it was edited${beside}`];
}

function written(wanted: Wanted, was: 'absent' | 'ours'): string {
  if (wanted.kind === 'link') return `enable    ${wanted.path}`;
  const program = wanted.path.startsWith(PROGRAM_DIRECTORY) ? ` (${Math.ceil(wanted.content.length / 1024)} KiB)` : '';
  return `${was === 'ours' ? 'replace  ' : 'write    '} ${wanted.path}${program}`;
}

/** Runs what may fail for want of privilege or room. Null after having said why it did. */
export async function attempt<T>(io: Io, act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const { errorText, isPrivilege } = await import('../../../linux/files/errors.ts');
    const path = (error as NodeJS.ErrnoException).path;
    const what = path === undefined ? errorText(error) : `${path}: ${errorText(error)}`;
    const next = isPrivilege(error)
      ? 'run it as root, or name a --root that this user may write to'
      : 'fix that and run it again: it goes on from what is there';
    io.err(safe`rsprep install: ${what}\n  next: ${next}\n`);
    io.setExitCode(isPrivilege(error) ? EXIT.permission : EXIT.failed);
    return null;
  }
}

export function fail(io: Io, message: string, next: string): void {
  io.err(safe`rsprep install: ${message}\n  next: ${next}\n`);
  io.setExitCode(EXIT.failed);
}
