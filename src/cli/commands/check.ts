import { baseReport } from '../../app/look.ts';
import { verify } from '../../app/verify.ts';
import { exitCode, pluginCode } from '../../core/report/exit-code.ts';
import type { Report } from '../../core/report/report.ts';
import { renderPlugin } from '../../format/nagios.ts';
import { lookingAt } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import { desiredOrFailure } from '../input.ts';
import { timeout } from '../options/globals.ts';
import { flag } from '../options/option.ts';

export const checkCommand = command({
  name: 'check',
  summary: 'the same verdict as a monitoring plugin: 0, 1, 2 or 3, one line, perfdata',
  description:
    'Verifies and answers as a monitoring plugin does (Nagios, Icinga, Naemon). Changes nothing, needs no privilege.',
  options: { strict: flag('advice counts too') },
  uses: { timeout: timeout() },
  after: `Exit status: 0 OK: as wanted · 1 WARNING: pending, the configuration changed since the last apply · 2 CRITICAL: drift ·
3 UNKNOWN: could not tell, wrong configuration, wrong call, or a bug in rsprep. Never anything else.

Examples:
  rsprep check
  rsprep check -c /etc/rsprep/other.yaml`,
  run: async (context, { strict }) => {
    const host = lookingAt(context.paths, { ...context.hostOptions, looksSoon: true });
    const { desired, failure } = await desiredOrFailure(context);
    const report: Report = desired
      ? { ...verify(host, desired, { strict }), command: 'check' }
      : { ...baseReport(host, 'check', null), failure, ending: 'failed', strict };
    const code = pluginCode(exitCode(report));
    context.io.out(renderPlugin(report, code));
    context.io.setExitCode(code);
  },
});
