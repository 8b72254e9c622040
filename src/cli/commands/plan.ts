import type { Command } from 'commander';
import { lookingAt } from '../../linux/ports/host.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals } from '../globals.ts';
import { loadDesired } from '../input.ts';
import { emit, requireReportFormat } from '../output.ts';

export function registerPlan(program: Command, io: Io): void {
  const command = program
    .command('plan')
    .summary('the ordered steps apply would take, and why each')
    .description(
      'Shows what `rsprep apply` would do on this host right now, in order, with the finding behind each step. Changes nothing.',
    )
    .option('--take-from-nic', 'as apply --take-from-nic')
    .option('--prune', 'as apply --prune')
    .option('--allow-empty', 'accept a configuration without VIPs')
    .option('--exit-code', 'exit 2 when there are steps')
    .addHelpText('after', '\nExamples:\n  rsprep plan\n  rsprep plan --exit-code || echo "apply has something to do"');
  addGlobals(command).action(async (options: Record<string, unknown>, self: Command) => {
    const context = contextOf(self, io);
    requireReportFormat(context);
    const desired = await loadDesired(context, { allowEmpty: options.allowEmpty === true });
    if (!desired) return;
    const { plan } = await import('../../app/plan.ts');
    const host = lookingAt(context.paths, context.hostOptions);
    const report = plan(host, desired, {
      'take-from-nic': options.takeFromNic === true,
      prune: options.prune === true,
    });
    await emit(report, context, { planExitCode: options.exitCode === true });
  });
}
