import type { OverrideOutcome } from '../../app/overrides.ts';
import type { Override, OverrideKind } from '../../core/model/override.ts';
import { failureCode } from '../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../core/report/report.ts';
import { type SafeText, safe, safeJson, safeLines } from '../../format/safe-text.ts';
import { renderOverride } from '../../format/text.ts';
import { changing } from '../../linux/ports/host.ts';
import { type Command, command } from '../command.ts';
import type { Context } from '../context.ts';
import { formats, lockTimeout, type Uses } from '../options/globals.ts';
import { optional, required } from '../options/option.ts';
import { duration, line, oneOf } from '../options/value.ts';

/** An override must get through even while an apply runs, which takes a moment. */
const USES: Uses = { format: formats('text', 'json'), 'lock-timeout': lockTimeout({ ms: 5000, text: '5s' }) };
const KINDS: readonly OverrideKind[] = ['drain', 'hold', 'vouch'];
/** Ten years are for ever. */
const FOR = { minMs: 1, maxMs: 3_660 * 86_400_000 };

interface Words {
  readonly summary: string;
  readonly description: string;
  readonly example: string;
}

const overrideCommand = (kind: OverrideKind, { summary, description, example }: Words): Command =>
  command({
    name: kind,
    summary,
    description: `${description} Survives a reboot; shown by verify and status.`,
    options: {
      // Directors see it in a STATUS reply, and whoever runs status at a terminal.
      reason: required(line(200), 'why; shown with it'),
      for: optional(duration(FOR), 'ends by itself, such as 30m or 2h (default: until rsprep resume)'),
    },
    uses: USES,
    after: `Examples:\n  ${example}\n  rsprep resume ${kind}`,
    run: async (context, options) => {
      const { setOverride } = await import('../../app/overrides.ts');
      const host = changing(context.paths, context.hostOptions, () => false);
      const what = { kind, reason: options.reason, forMs: options.for };
      show(await setOverride(host, what, context.globals.lockTimeoutMs), context, kind);
    },
  });

export const drainCommand = overrideCommand('drain', {
  summary: 'leave rotation: the responder goes silent',
  description:
    'Takes this host out of rotation: the responder stops vouching, and the director stops sending. The VIP stays, so that open connections can end normally.',
  example: 'rsprep drain --reason "kernel update" --for 30m',
});

export const holdCommand = overrideCommand('hold', {
  summary: 'change nothing here: no apply at boot, no heal, fewer reports',
  description:
    'Keeps the boot unit and heal from changing this host; report tells only of new leaks. `rsprep apply` run by hand ends it.',
  example: 'rsprep hold --reason "debugging arp_ignore" --for 2h',
});

export const vouchCommand = overrideCommand('vouch', {
  summary: 'answer "fit" regardless of the checks',
  description:
    'Makes the responder vouch for this host regardless of the checks: for a false alarm, when the farm has to keep serving.',
  example: 'rsprep vouch --reason "false alarm, see ticket 4711" --for 1h',
});

export const resumeCommand = command({
  name: 'resume',
  summary: 'end drain, hold and vouch',
  description: 'Ends drain, hold and vouch, or the one that is named.',
  argument: { name: '[kind]', does: 'drain, hold or vouch', value: oneOf('kind', KINDS) },
  options: {},
  uses: USES,
  after: 'Examples:\n  rsprep resume\n  rsprep resume drain',
  run: async (context, _options, [kind = null]) => {
    const { resume } = await import('../../app/overrides.ts');
    const host = changing(context.paths, context.hostOptions, () => false);
    show(await resume(host, kind, context.globals.lockTimeoutMs), context, 'resume');
  },
});

function show(outcome: OverrideOutcome, { io, globals, style }: Context, called: string): void {
  if (outcome.kind === 'failed') {
    const code = failureCode(outcome.failure.kind);
    if (globals.format === 'json') io.out(asJson({ exit_code: code, failure: outcome.failure }));
    io.err(safe`rsprep ${called}: ${outcome.failure.message}\n  next: ${outcome.failure.next}\n`);
    io.setExitCode(code);
    return;
  }
  if (globals.format === 'json') io.out(asJson({ exit_code: 0, overrides: outcome.overrides, ended: outcome.ended }));
  else if (!globals.quiet) {
    const ended = outcome.ended.map((override: Override) => safe`ended: ${renderOverride(override, style)}`);
    const lines = [...ended, ...outcome.overrides.map((override) => renderOverride(override, style))];
    io.out(safeLines(lines.length > 0 ? lines : ['nothing was in force']));
  }
  io.setExitCode(0);
}

const asJson = (content: object): SafeText => safeJson({ format_version: FORMAT_VERSION, ...content });
