import type { Command } from 'commander';
import { changing } from '../../linux/ports/host.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals } from '../globals.ts';
import { emit, requireReportFormat } from '../output.ts';
import { progressOn } from '../progress.ts';

/** The watchdog waits for whoever holds the lock, in milliseconds; a person may say otherwise. */
const PATIENCE_MS = 60_000;

export function registerConfirm(program: Command, io: Io): void {
  const command = program
    .command('confirm')
    .summary('keep what `apply --confirm` did')
    .description(
      'Keeps what the last `rsprep apply --confirm SECONDS` did: it is persisted and no longer taken back. Needs no configuration: it confirms what was applied.',
    )
    .option('--revert [token]', 'take it back now instead of waiting')
    .addHelpText(
      'after',
      '\nExamples:\n  rsprep apply --confirm 60     then look around, from another shell too\n  rsprep confirm                keep it\n  rsprep confirm --revert       or take it back now',
    );
  addGlobals(command).action(async (options: { revert?: string | true }, self: Command) => {
    const context = contextOf(self, io);
    requireReportFormat(context);
    const interrupted = io.deferSignals();
    const host = changing(context.paths, context.hostOptions, interrupted);
    const { confirm, revert } = await import('../../app/apply/confirm.ts');
    const lockTimeoutMs = context.globals.lockTimeoutMs || PATIENCE_MS;
    const { timeoutMs } = context.globals;
    if (options.revert !== undefined) {
      const token = options.revert === true ? null : options.revert;
      await emit(await revert(host, token, { lockTimeoutMs, timeoutMs }), context);
      return;
    }
    const progress = progressOn(io, 'confirm');
    const keep = { 'take-from-nic': false, prune: false, boot: false, confirmMs: null, strict: false };
    const report = await confirm(host, { ...keep, lockTimeoutMs, timeoutMs, progress: progress.step });
    progress.end();
    await emit(report, context);
  });
}
