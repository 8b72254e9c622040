import { loadConfigFile } from '../../../config/file.ts';
import type { Desired } from '../../../core/model/desired.ts';
import type { Ip } from '../../../core/model/names.ts';
import { safe } from '../../../format/safe-text.ts';
import { probing } from '../../../linux/ports/probe.ts';
import { probeExitCode } from '../../../probe/exit.ts';
import { renderProbeJson } from '../../../probe/json.ts';
import type { ProbeResult, ProbeRun, Tried } from '../../../probe/result.ts';
import { renderProbe } from '../../../probe/text.ts';
import type { Context } from '../../context.ts';
import { UsageError } from '../../usage-error.ts';

export const EXIT_HELP = 'Exit status: 0 as wanted · 2 something is wrong · 1 could not tell (a control failed)';

/** Prints a run and sets the exit code, the same for every format. */
export function emitProbe(run: ProbeRun, { io, globals, style }: Context, code = probeExitCode(run)): void {
  if (globals.format === 'json') io.out(renderProbeJson(run, code));
  else if (!globals.quiet || code !== 0) io.out(renderProbe(run, { style, quiet: globals.quiet }));
  if (run.failure) io.err(safe`rsprep ${run.command}: ${run.failure.message}\n  next: ${run.failure.next}\n`);
  io.setExitCode(code);
}

/** Runs a probe that needs no lock, because it looks from outside, and prints what came of it. */
export async function runProbe(
  context: Context,
  command: ProbeRun['command'],
  probe: (host: ReturnType<typeof probing>) => Promise<Tried<readonly ProbeResult[]>>,
): Promise<void> {
  const startedMs = performance.now();
  const host = probing({ timeoutMs: context.globals.timeoutMs, lockFd: null });
  const tried = await probe(host);
  emitProbe(
    {
      ...{ command, host: host.hostName(), at: host.now().toISOString(), notes: [] },
      results: tried.kind === 'ok' ? tried.value : [],
      failure: tried.kind === 'ok' ? null : tried.failure,
      durationMs: performance.now() - startedMs,
    },
    context,
  );
}

/** These probes run on any host: a configuration helps, and none is needed. */
export async function configured(context: Context): Promise<Desired | null> {
  const loaded = await loadConfigFile(context.globals.config, context.globals.root, { allowEmpty: true });
  return loaded.kind === 'ok' ? loaded.desired : null;
}

/** Those that were named, or the configured ones. @throws UsageError where there are none */
export function vipsToAsk(named: readonly Ip[], desired: Desired | null): readonly Ip[] {
  const vips = named.length > 0 ? named : (desired?.vips.map(({ address }) => address) ?? []);
  if (vips.length === 0) throw new UsageError('expected a VIP, received none, and there is no configuration to go by');
  return vips;
}
