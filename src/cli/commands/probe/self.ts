import type { Command } from 'commander';
import type { Probing } from '../../../app/ports/probe.ts';
import { probeSelf } from '../../../app/probe/self.ts';
import type { Check } from '../../../core/model/check.ts';
import type { Desired } from '../../../core/model/desired.ts';
import { probing } from '../../../linux/ports/probe.ts';
import { acquireLock } from '../../../linux/state/lock.ts';
import { checksOf } from '../../../probe/as-check.ts';
import { probeExitCode } from '../../../probe/exit.ts';
import type { ProbeResult, ProbeRun, Tried } from '../../../probe/result.ts';
import { type Context, contextOf, type Io } from '../../context.ts';
import { addGlobals, checkFormat } from '../../globals.ts';
import { loadDesired } from '../../input.ts';
import { registerProbeArp } from './arp.ts';
import { EXIT_HELP, emitProbe } from './output.ts';
import { registerProbeService } from './service.ts';
import { registerProbeWatch } from './watch.ts';

export function registerProbe(program: Command, io: Io): void {
  const probe = program
    .command('probe')
    .summary('what this host, or the network, really does: behaviour, not settings')
    .description(
      'Asks and watches instead of reading settings. Every probe has a control that must succeed: without it the probe could ' +
        'not tell, which is never a pass.',
    )
    .addHelpText(
      'after',
      `${EXIT_HELP}\n\nExamples:\n  rsprep probe self                        on a real server\n  rsprep probe arp 192.0.2.10              on another host of the segment\n  rsprep probe service 192.0.2.10:80 --via 10.0.0.11`,
    );
  registerSelf(probe, io);
  registerProbeArp(probe, io);
  registerProbeService(probe, io);
  registerProbeWatch(probe, io);
}

function registerSelf(probe: Command, io: Io): void {
  const command = probe
    .command('self')
    .summary('on the real server: does it answer for its VIPs where it must not, and serve them where it must?')
    .description(
      'Puts questions into each interface as if they came from its wire and watches what leaves. Needs root. Announces nothing; ' +
        'its temporary devices end with it, even when it is killed.',
    )
    .option('--clean', 'only remove devices that a killed probe left behind')
    .addHelpText(
      'after',
      `${EXIT_HELP} · 75 another rsprep is at work · 77 not permitted\n\nExamples:\n  rsprep probe self\n  rsprep probe self --clean       after one was killed`,
    );
  addGlobals(command).action(async (options: { clean?: boolean }, self: Command) => {
    const context = contextOf(self, io);
    checkFormat(context.globals.format, ['text', 'json']);
    const desired = options.clean === true ? null : await loadDesired(context, { allowEmpty: true });
    if (desired === null && options.clean !== true) return;
    const run = await runSelf(context, async (host) => {
      const removed = await host.clean();
      const notes = removed.length > 0 ? [`removed what a killed probe left behind: ${removed.join(', ')}`] : [];
      return desired === null ? { notes, tried: null } : { notes, tried: await probeSelf(host, desired) };
    });
    emitProbe(run, context, options.clean === true && run.failure === null ? 0 : probeExitCode(run));
  });
}

/** For `verify --probe`: what a run of `probe self` found. */
export const probeChecks = async (context: Context, desired: Desired): Promise<readonly Check[]> =>
  checksOf(
    await runSelf(context, async (host) => {
      await host.clean();
      return { notes: [], tried: await probeSelf(host, desired) };
    }),
  );

/** Under the lock: an apply that met the probe's devices would set their sysctls too, and fail when they vanish. */
async function runSelf(
  { paths, globals }: Context,
  use: (host: Probing) => Promise<{
    readonly notes: readonly string[];
    readonly tried: Tried<readonly ProbeResult[]> | null;
  }>,
): Promise<ProbeRun> {
  const startedMs = performance.now();
  const unlocked = probing({ timeoutMs: globals.timeoutMs, lockFd: null });
  const base = { command: 'probe self', host: unlocked.hostName(), at: unlocked.now().toISOString() } as const;
  const ended = (rest: Pick<ProbeRun, 'results' | 'notes' | 'failure'>): ProbeRun => ({
    ...base,
    ...rest,
    durationMs: performance.now() - startedMs,
  });
  const lock = await acquireLock(paths, globals.lockTimeoutMs, 'probe self', new Date());
  if (lock.kind === 'failed') return ended({ results: [], notes: [], failure: lock.failure });
  if (lock.kind === 'busy') {
    const failure = { kind: 'locked', message: `${lock.by} is at work`, next: 'wait, or give --lock-timeout' } as const;
    return ended({ results: [], notes: [], failure });
  }
  try {
    const { notes, tried } = await use(probing({ timeoutMs: globals.timeoutMs, lockFd: lock.fd }));
    if (tried?.kind === 'failed') return ended({ results: [], notes, failure: tried.failure });
    return ended({ results: tried?.value ?? [], notes, failure: null });
  } finally {
    lock.release();
  }
}
