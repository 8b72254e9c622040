import type { Command } from 'commander';
import { baseReport } from '../../app/look.ts';
import { verify } from '../../app/verify.ts';
import { exitCode, pluginCode } from '../../core/report/exit-code.ts';
import type { Report } from '../../core/report/report.ts';
import { renderPlugin } from '../../format/nagios.ts';
import { lookingAt } from '../../linux/ports/host.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals, checkFormat } from '../globals.ts';
import { desiredOrFailure } from '../input.ts';

export function registerCheck(program: Command, io: Io): void {
  const command = program
    .command('check')
    .summary('the same verdict as a monitoring plugin: 0, 1, 2 or 3, one line, perfdata')
    .description(
      'Verifies and answers as a monitoring plugin does (Nagios, Icinga, Naemon). Changes nothing, needs no privilege.',
    )
    .option('--strict', 'advice counts too')
    .addHelpText(
      'after',
      `
Exit status: 0 OK: as wanted · 1 WARNING: pending, the configuration changed since the last apply · 2 CRITICAL: drift ·
3 UNKNOWN: could not tell, wrong configuration, wrong call, or a bug in rsprep. Never anything else.

Examples:
  rsprep check
  rsprep check -c /etc/rsprep/other.yaml`,
    );
  addGlobals(command).action(async (options: { strict?: boolean }, self: Command) => {
    const context = contextOf(self, io);
    checkFormat(context.globals.format, ['text']);
    const host = lookingAt(context.paths, { ...context.hostOptions, looksSoon: true });
    const { desired, failure } = await desiredOrFailure(context);
    const strict = options.strict === true;
    const report: Report = desired
      ? { ...verify(host, desired, { strict }), command: 'check' }
      : { ...baseReport(host, 'check', null), failure, ending: 'failed', strict };
    const code = pluginCode(exitCode(report));
    io.out(renderPlugin(report, code));
    io.setExitCode(code);
  });
}
