import { changing, lookingAt } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { loadDesired } from '../input.ts';
import { formats, lockTimeout, timeout } from '../options/globals.ts';
import { flag, optional } from '../options/option.ts';
import { seconds } from '../options/value.ts';
import { emit } from '../output.ts';
import { progressOn } from '../progress.ts';

/** A second is too short to type anything; a day is not a confirmation any more. */
const CONFIRM = { minMs: 1000, maxMs: 86_400_000 };

export const applyCommand = command({
  name: 'apply',
  summary: 'prepare this host: converge it to the configuration',
  description:
    'Prepares this host: ARP settings, then VIPs, then persistence, each read back from the kernel. Nothing to do writes nothing.',
  options: {
    'dry-run': flag('show the steps and change nothing', {
      conflicts: ['--confirm', '--boot', '--strict', '--lock-timeout'],
    }),
    'exit-code': flag('with --dry-run: exit 2 when there are steps', { requires: ['--dry-run'] }),
    'take-from-nic': flag('take a VIP off the NIC that holds it, once it is on its own device'),
    prune: flag('delete VIPs that rsprep added and that are no longer in the configuration'),
    'allow-empty': flag('accept a configuration without VIPs'),
    boot: flag('run by the boot unit: leaves a held host alone', { conflicts: ['--confirm'] }),
    heal: flag('fix drift from the last applied configuration only; for rsprep-heal.timer', {
      conflicts: ['--dry-run', '--take-from-nic', '--prune', '--allow-empty', '--boot', '--confirm'],
    }),
    confirm: optional(seconds(CONFIRM), 'take everything back after that long, unless `rsprep confirm` is run'),
    strict: flag('advice counts too'),
  },
  uses: { format: formats('text', 'json'), timeout: timeout(), 'lock-timeout': lockTimeout() },
  after: `Order: ARP settings, read back; then VIPs; then what is wrong is taken away; then what survives a reboot.
Exit status: 0 as wanted · 2 could not fix all · 3 some of it waits for --prune or --take-from-nic · 1 could not tell · 4 rolled back · 5 rollback failed · 75 another rsprep runs · 77 permission · 78 configuration

Examples:
  rsprep apply --dry-run
  rsprep apply
  rsprep apply --confirm 60         undone after a minute unless you run: rsprep confirm
  rsprep apply --take-from-nic      the VIP is on eth0: put it on lo first, then take it off eth0
  rsprep apply --prune              also delete VIPs that left the configuration`,
  run: async (context, options) => {
    if (options.heal) return healNow(context, options.strict);
    const desired = await loadDesired(context, { allowEmpty: options['allow-empty'] });
    if (!desired) return;
    const planOptions = { 'take-from-nic': options['take-from-nic'], prune: options.prune };
    if (options['dry-run']) {
      const { plan } = await import('../../app/plan.ts');
      const report = plan(lookingAt(context.paths, context.hostOptions), desired, planOptions, 'apply');
      return emit(report, context, { planExitCode: options['exit-code'] });
    }
    const { apply } = await import('../../app/apply/apply.ts');
    const interrupted = context.io.deferSignals();
    const progress = progressOn(context.io, 'apply');
    const report = await apply(changing(context.paths, context.hostOptions, interrupted), desired, {
      ...planOptions,
      boot: options.boot,
      confirmMs: options.confirm,
      strict: options.strict,
      lockTimeoutMs: context.globals.lockTimeoutMs,
      timeoutMs: context.globals.timeoutMs,
      progress: progress.step,
    });
    progress.end();
    await emit(report, context);
  },
});

/** The configuration file is not read: heal goes by the one last applied. */
async function healNow(context: Context, strict: boolean): Promise<void> {
  const { heal } = await import('../../app/apply/heal.ts');
  const { healingOn } = await import('../../linux/ports/heal.ts');
  const { io, globals } = context;
  const host = healingOn(context.paths, context.hostOptions, io.deferSignals());
  const progress = progressOn(io, 'heal');
  const report = await heal(host, {
    strict,
    lockTimeoutMs: globals.lockTimeoutMs,
    timeoutMs: globals.timeoutMs,
    progress: progress.step,
  });
  progress.end();
  await emit(report, context);
}
