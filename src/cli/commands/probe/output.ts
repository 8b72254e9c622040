import { probeExitCode } from '../../../probe/exit.ts';
import { renderProbeJson } from '../../../probe/json.ts';
import type { ProbeRun } from '../../../probe/result.ts';
import { renderProbe } from '../../../probe/text.ts';
import type { Context } from '../../context.ts';

export const EXIT_HELP = '\nExit status: 0 as wanted · 2 something is wrong · 1 could not tell (a control failed)';

/** Prints a run and sets the exit code, the same for every format. */
export function emitProbe(run: ProbeRun, { io, globals, style }: Context, code = probeExitCode(run)): void {
  if (globals.format === 'json') io.out(renderProbeJson(run, code));
  else if (!globals.quiet || code !== 0) io.out(renderProbe(run, { style, quiet: globals.quiet }));
  if (run.failure) io.err(`rsprep ${run.command}: ${run.failure.message}\n  next: ${run.failure.next}\n`);
  io.setExitCode(code);
}
