import type { Command } from 'commander';
import type { OverrideOutcome } from '../../app/overrides.ts';
import type { Override, OverrideKind } from '../../core/model/override.ts';
import { failureCode } from '../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../core/report/report.ts';
import { renderOverride } from '../../format/text.ts';
import { changing } from '../../linux/ports/host.ts';
import { type Context, contextOf, type Io } from '../context.ts';
import { addGlobals, duration, UsageError } from '../globals.ts';
import { requireReportFormat } from '../output.ts';

/** An override must get through even while an apply runs, which takes a moment. In milliseconds. */
const PATIENCE_MS = 5000;

const WORDS: Readonly<Record<OverrideKind, { summary: string; description: string; example: string }>> = {
  drain: {
    summary: 'leave rotation: the responder goes silent',
    description:
      'Takes this host out of rotation: the responder stops vouching, and the director stops sending. The VIP stays, so that open connections end in peace.',
    example: 'rsprep drain --reason "kernel update" --for 30m',
  },
  hold: {
    summary: 'hands off: no apply at boot, no heal, no nagging',
    description:
      'Keeps the boot unit and heal from touching this host, and report from nagging. `rsprep apply` by a person ends it.',
    example: 'rsprep hold --reason "debugging arp_ignore" --for 2h',
  },
  vouch: {
    summary: 'say "fit" whatever the checks say',
    description:
      'Makes the responder vouch for this host whatever the checks find: for when they are wrong and the farm must go on.',
    example: 'rsprep vouch --reason "false alarm, see ticket 4711" --for 1h',
  },
};

function registerKind(program: Command, io: Io, kind: OverrideKind): void {
  const { summary, description, example } = WORDS[kind];
  const command = program
    .command(kind)
    .summary(summary)
    .description(`${description} Survives a reboot; shown by verify and status.`)
    .requiredOption('--reason <text>', 'why; shown with it')
    .option('--for <duration>', 'ends by itself, such as 30m or 2h (default: until rsprep resume)')
    .addHelpText('after', `\nExamples:\n  ${example}\n  rsprep resume ${kind}`);
  addGlobals(command).action(async (options: { reason: string; for?: string }, self: Command) => {
    const context = contextOf(self, io);
    requireReportFormat(context);
    if (options.reason.trim() === '') throw new UsageError('--reason: expected a few words, received none');
    // Directors see it in a STATUS reply, and whoever runs status at a terminal.
    if (/[\u0000-\u001f\u007f-\u009f]/.test(options.reason))
      throw new UsageError('--reason: expected one line of text, received a control character in it');
    if (options.reason.length > 200)
      throw new UsageError(`--reason: expected at most 200 characters, received ${options.reason.length}`);
    const { setOverride } = await import('../../app/overrides.ts');
    const host = changing(context.paths, context.hostOptions, () => false);
    const forMs = duration(options.for, '--for');
    if (forMs === 0) throw new UsageError(`--for: expected more than no time at all, received ${options.for}`);
    const what = { kind, reason: options.reason.trim(), forMs };
    show(await setOverride(host, what, context.globals.lockTimeoutMs || PATIENCE_MS), context, kind);
  });
}

export const registerDrain = (program: Command, io: Io): void => registerKind(program, io, 'drain');
export const registerHold = (program: Command, io: Io): void => registerKind(program, io, 'hold');
export const registerVouch = (program: Command, io: Io): void => registerKind(program, io, 'vouch');

export function registerResume(program: Command, io: Io): void {
  const command = program
    .command('resume')
    .summary('end drain, hold and vouch')
    .description('Ends drain, hold and vouch, or the one that is named.')
    .argument('[kind]', 'drain, hold or vouch')
    .addHelpText('after', '\nExamples:\n  rsprep resume\n  rsprep resume drain');
  addGlobals(command).action(async (named: string | undefined, _options: unknown, self: Command) => {
    const context = contextOf(self, io);
    requireReportFormat(context);
    const { resume } = await import('../../app/overrides.ts');
    const host = changing(context.paths, context.hostOptions, () => false);
    show(await resume(host, kindOf(named), context.globals.lockTimeoutMs || PATIENCE_MS), context, 'resume');
  });
}

function kindOf(named: string | undefined): OverrideKind | null {
  if (named === undefined) return null;
  if (named === 'drain' || named === 'hold' || named === 'vouch') return named;
  throw new UsageError(`expected drain, hold or vouch, received ${JSON.stringify(named)}`);
}

function show(outcome: OverrideOutcome, { io, globals, style }: Context, command: string): void {
  if (outcome.kind === 'failed') {
    const code = failureCode(outcome.failure.kind);
    if (globals.format === 'json') io.out(asJson({ exit_code: code, failure: outcome.failure }));
    io.err(`rsprep ${command}: ${outcome.failure.message}\n  next: ${outcome.failure.next}\n`);
    io.setExitCode(code);
    return;
  }
  if (globals.format === 'json') io.out(asJson({ exit_code: 0, overrides: outcome.overrides, ended: outcome.ended }));
  else if (!globals.quiet) {
    const ended = outcome.ended.map((override: Override) => `ended: ${renderOverride(override, style)}`);
    const lines = [...ended, ...outcome.overrides.map((override) => renderOverride(override, style))];
    io.out(`${(lines.length > 0 ? lines : ['nothing was in force']).join('\n')}\n`);
  }
  io.setExitCode(0);
}

const asJson = (content: object): string =>
  `${JSON.stringify({ format_version: FORMAT_VERSION, ...content }, null, 2)}\n`;
