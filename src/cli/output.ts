import { exitCode } from '../core/report/exit-code.ts';
import { couldTell } from '../core/report/journal.ts';
import type { Report } from '../core/report/report.ts';
import { type SafeText, safe } from '../format/safe-text.ts';
import { renderText } from '../format/text.ts';
import type { Context } from './context.ts';
import { VERSION } from './version.ts';

/** Renders a report in the format asked for and sets the exit code, which is the same for every format. */
export async function emit(
  report: Report,
  context: Context,
  options: { readonly planExitCode?: boolean } = {},
): Promise<void> {
  const { io, globals, style } = context;
  const code = options.planExitCode && report.ending === 'planned' && report.steps.length > 0 ? 2 : exitCode(report);
  if (globals.format !== 'text') {
    io.out(await machineText(report, globals.format, code, { successAt: successOf(report, code), responder: null }));
  } else {
    const text = renderText(report, { style, verbose: globals.verbose, quiet: globals.quiet });
    if (!globals.quiet || code !== 0) io.out(text);
    if (report.failure)
      io.err(safe`rsprep ${report.command}: ${report.failure.message}\n  next: ${report.failure.next}\n`);
  }
  io.setExitCode(code);
}

/** A report for a program to read. */
export async function machineText(
  report: Report,
  format: string,
  code: number,
  known: { readonly successAt: string | null; readonly responder: Readonly<Record<string, number>> | null },
): Promise<SafeText> {
  if (format === 'junit') return (await import('../format/junit.ts')).renderJunit(report);
  if (format !== 'prometheus') return (await import('../format/json.ts')).renderJson(report, code);
  const { renderPrometheus } = await import('../format/prometheus.ts');
  return renderPrometheus({ report, exitCode: code, version: VERSION, ...known });
}

const successOf = (report: Report, exit: number): string | null => (couldTell({ exit }) ? report.at : null);
