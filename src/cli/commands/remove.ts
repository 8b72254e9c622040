import { changing } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import { tryDesired } from '../input.ts';
import { formats, lockTimeout, timeout } from '../options/globals.ts';
import { flag, optional, withDefault } from '../options/option.ts';
import { duration, line } from '../options/value.ts';
import { emit } from '../output.ts';

/** Longer than a day nobody waits at a terminal. */
const DRAIN_WAIT = { minMs: 0, maxMs: 86_400_000 };

export const removeCommand = command({
  name: 'remove',
  summary: 'undo everything, in order',
  description:
    'Takes back what rsprep did on this host, from its ledger alone: VIPs first, and the ARP settings only once the kernel shows none. Works with a broken configuration too. Leaves a hold, so that neither boot nor heal brings the VIPs back.',
  options: {
    force: flag('even while connections to the VIP are established'),
    'drain-wait': withDefault(duration(DRAIN_WAIT), 0, 'stay drained that long before the VIP goes (default: 0s)'),
    reason: optional(line(200), 'kept with the hold that is left behind'),
    'dry-run': flag('show the steps and change nothing', {
      conflicts: ['--force', '--drain-wait', '--reason', '--lock-timeout'],
    }),
  },
  uses: { format: formats('text', 'json'), timeout: timeout(), 'lock-timeout': lockTimeout() },
  after: 'Examples:\n  rsprep remove --drain-wait 30s --reason "new disk"\n  rsprep remove --force',
  run: async (context, options) => {
    const desired = await tryDesired(context);
    const { remove, planOfRemove } = await import('../../app/remove/remove.ts');
    const host = (interrupted: () => boolean) => changing(context.paths, context.hostOptions, interrupted);
    if (options['dry-run'])
      return emit(
        planOfRemove(
          host(() => false),
          desired,
        ),
        context,
      );
    const report = await remove(host(context.io.deferSignals()), desired, {
      force: options.force,
      drainWaitMs: options['drain-wait'],
      reason: options.reason ?? 'rsprep remove',
      lockTimeoutMs: context.globals.lockTimeoutMs,
      timeoutMs: context.globals.timeoutMs,
    });
    await emit(report, context);
  },
});
