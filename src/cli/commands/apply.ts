import type { Command } from 'commander';
import type { DurationLimits } from '../../core/duration.ts';
import { changing, lookingAt } from '../../linux/ports/host.ts';
import { type Context, contextOf, type Io } from '../context.ts';
import { addGlobals, duration, UsageError } from '../globals.ts';
import { loadDesired } from '../input.ts';
import { emit, requireReportFormat } from '../output.ts';
import { progressOn } from '../progress.ts';

const EXAMPLES = `
Order: ARP settings, read back; then VIPs; then what is wrong is taken away; then what survives a reboot.
Exit status: 0 as wanted · 2 could not fix all · 3 some of it waits for --prune or --take-from-nic · 1 could not tell · 4 rolled back · 5 rollback failed · 75 another rsprep runs · 77 permission · 78 configuration

Examples:
  rsprep apply --dry-run
  rsprep apply
  rsprep apply --confirm 60         undone after a minute unless you run: rsprep confirm
  rsprep apply --take-from-nic      the VIP is on eth0: put it on lo first, then take it off eth0
  rsprep apply --prune              also delete VIPs that left the configuration`;

export function registerApply(program: Command, io: Io): void {
  const command = program
    .command('apply')
    .summary('prepare this host: converge it to the configuration')
    .description(
      'Prepares this host: ARP settings, then VIPs, then persistence, each read back from the kernel. Nothing to do writes nothing.',
    )
    .option('--dry-run', 'show the steps and change nothing')
    .option('--exit-code', 'with --dry-run: exit 2 when there are steps')
    .option('--take-from-nic', 'take a VIP off the NIC that holds it, once it is on its own device')
    .option('--prune', 'delete VIPs of ours that the configuration no longer names')
    .option('--allow-empty', 'accept a configuration without VIPs')
    .option('--boot', 'run by the boot unit: leaves a held host alone')
    .option('--heal', 'fix drift from the last applied configuration only; for rsprep-heal.timer')
    .option('--confirm <seconds>', 'take everything back after that long, unless `rsprep confirm` is run')
    .option('--strict', 'advice counts too')
    .addHelpText('after', EXAMPLES);
  addGlobals(command).action(async (options: Record<string, unknown>, self: Command) => {
    const context = contextOf(self, io);
    requireReportFormat(context);
    if (options.heal === true) return healNow(context, options);
    const desired = await loadDesired(context, { allowEmpty: options.allowEmpty === true });
    if (!desired) return;
    const planOptions = { 'take-from-nic': options.takeFromNic === true, prune: options.prune === true };
    if (options.dryRun === true) {
      const { plan } = await import('../../app/plan.ts');
      const report = plan(lookingAt(context.paths, context.hostOptions), desired, planOptions, 'apply');
      return emit(report, context, { planExitCode: options.exitCode === true });
    }
    const { apply } = await import('../../app/apply/apply.ts');
    const interrupted = io.deferSignals();
    const progress = progressOn(io, 'apply');
    const report = await apply(changing(context.paths, context.hostOptions, interrupted), desired, {
      ...planOptions,
      boot: options.boot === true,
      confirmMs: confirmation(options.confirm),
      strict: options.strict === true,
      lockTimeoutMs: context.globals.lockTimeoutMs,
      timeoutMs: context.globals.timeoutMs,
      progress: progress.step,
    });
    progress.end();
    await emit(report, context);
  });
}

/** The configuration file is not read: heal goes by the one last applied. */
async function healNow(context: Context, options: Record<string, unknown>): Promise<void> {
  const others = ['dryRun', 'takeFromNic', 'prune', 'boot', 'confirm'].filter((name) => options[name] !== undefined);
  if (others.length > 0) throw new UsageError('apply: expected --heal alone, received other options of apply with it');
  const { heal } = await import('../../app/apply/heal.ts');
  const { healingOn } = await import('../../linux/ports/heal.ts');
  const { io, globals } = context;
  const host = healingOn(context.paths, context.hostOptions, io.deferSignals());
  const progress = progressOn(io, 'heal');
  const report = await heal(host, {
    strict: options.strict === true,
    lockTimeoutMs: globals.lockTimeoutMs,
    timeoutMs: globals.timeoutMs,
    progress: progress.step,
  });
  progress.end();
  await emit(report, context);
}

/** A second is too short to type anything; a day is not a confirmation any more. */
const CONFIRM: DurationLimits = { minMs: 1000, maxMs: 86_400_000 };

/** Seconds, as the README has it; or a duration with its unit. */
const confirmation = (option: unknown): number | null =>
  duration(typeof option === 'string' && /^\d+$/.test(option) ? `${option}s` : option, '--confirm', CONFIRM);
