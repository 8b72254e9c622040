import type { Command } from 'commander';
import { baseReport } from '../../app/look.ts';
import { verify } from '../../app/verify.ts';
import { lookingAt } from '../../linux/ports/host.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals } from '../globals.ts';
import { desiredOrFailure, loadDesired } from '../input.ts';
import { emit, requireReportFormat, VERDICT_FORMATS } from '../output.ts';

export function registerVerify(program: Command, io: Io): void {
  const command = program
    .command('verify')
    .summary('is this host prepared? read-only, needs no privilege')
    .description('Observes this host and runs every check. Changes nothing and needs no privilege.')
    .option('--strict', 'advice counts too')
    .option('--allow-empty', 'accept a configuration without VIPs')
    .option('--probe', 'probe the behaviour of this host too, as `rsprep probe self` does; needs root')
    .addHelpText(
      'after',
      `
Exit status: 0 as wanted · 2 drift · 3 pending (the configuration changed since the last apply) · 1 could not tell

Examples:
  rsprep verify
  rsprep verify --format json | jq '.findings[].id'
  rsprep verify --format junit > rsprep.xml`,
    );
  addGlobals(command).action(
    async (options: { strict?: boolean; allowEmpty?: boolean; probe?: boolean }, self: Command) => {
      const context = contextOf(self, io);
      requireReportFormat(context, VERDICT_FORMATS);
      const host = lookingAt(context.paths, { ...context.hostOptions, looksSoon: true });
      // These two formats have a form for a broken configuration too; the others say it with file, line and column.
      const inReport = ['junit', 'prometheus'].includes(context.globals.format);
      const { desired, failure } = inReport
        ? await desiredOrFailure(context)
        : { desired: await loadDesired(context, { allowEmpty: options.allowEmpty === true }), failure: null };
      if (failure) return emit({ ...baseReport(host, 'verify', null), failure, ending: 'failed' }, context);
      if (!desired) return;
      const strict = options.strict === true;
      if (options.probe !== true) return emit(verify(host, desired, { strict }), context);
      const { probeChecks } = await import('./probe/self.ts');
      await emit(verify(host, desired, { strict, probes: await probeChecks(context, desired) }), context);
    },
  );
}
