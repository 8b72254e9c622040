import type { Command } from 'commander';
import { changing } from '../../linux/ports/host.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals, duration } from '../globals.ts';
import { tryDesired } from '../input.ts';
import { emit, requireReportFormat } from '../output.ts';

export function registerRemove(program: Command, io: Io): void {
  const command = program
    .command('remove')
    .summary('undo everything, in order')
    .description(
      'Takes back what rsprep did on this host, from its ledger alone: VIPs first, and the ARP settings only once the kernel shows none. Works with a broken configuration too. Leaves a hold, so that neither boot nor heal brings the VIPs back.',
    )
    .option('--force', 'even while connections to the VIP are established')
    .option('--drain-wait <duration>', 'stay drained that long before the VIP goes (default: 0s)')
    .option('--reason <text>', 'kept with the hold that is left behind')
    .option('--dry-run', 'show the steps and change nothing')
    .addHelpText('after', '\nExamples:\n  rsprep remove --drain-wait 30s --reason "new disk"\n  rsprep remove --force');
  addGlobals(command).action(async (options: Record<string, unknown>, self: Command) => {
    const context = contextOf(self, io);
    requireReportFormat(context);
    const desired = await tryDesired(context);
    const { remove, planOfRemove } = await import('../../app/remove/remove.ts');
    const drainWaitMs = duration(options.drainWait, '--drain-wait') ?? 0;
    if (options.dryRun === true) {
      return emit(
        planOfRemove(
          changing(context.paths, context.hostOptions, () => false),
          desired,
        ),
        context,
      );
    }
    const interrupted = io.deferSignals();
    const report = await remove(changing(context.paths, context.hostOptions, interrupted), desired, {
      force: options.force === true,
      drainWaitMs,
      reason: typeof options.reason === 'string' ? options.reason : 'rsprep remove',
      lockTimeoutMs: context.globals.lockTimeoutMs,
      timeoutMs: context.globals.timeoutMs,
    });
    await emit(report, context);
  });
}
