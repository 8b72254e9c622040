import type { Probing } from '../../../app/ports/probe.ts';
import { probeSelf } from '../../../app/probe/self.ts';
import type { Check } from '../../../core/model/check.ts';
import type { Desired } from '../../../core/model/desired.ts';
import { wallClock } from '../../../linux/observe/wall-clock.ts';
import { probing } from '../../../linux/ports/probe.ts';
import { acquireLock } from '../../../linux/state/lock.ts';
import { checksOf } from '../../../probe/as-check.ts';
import { probeExitCode } from '../../../probe/exit.ts';
import type { ProbeResult, ProbeRun, Tried } from '../../../probe/result.ts';
import { command } from '../../command.ts';
import type { Context } from '../../context.ts';
import { loadDesired } from '../../input.ts';
import { formats, lockTimeout, timeout } from '../../options/globals.ts';
import { flag } from '../../options/option.ts';
import { EXIT_HELP, emitProbe } from './output.ts';

export const probeSelfCommand = command({
  name: 'self',
  summary: 'on the real server: does it answer for its VIPs where it must not, and serve them where it must?',
  description:
    'Puts questions into each interface as if they came from its wire and watches what leaves. Needs root. Announces nothing; ' +
    'its temporary devices end with it, even when it is killed.',
  options: { clean: flag('only remove devices that a killed probe left behind') },
  uses: { format: formats('text', 'json'), timeout: timeout(), 'lock-timeout': lockTimeout() },
  after: `${EXIT_HELP} · 75 another rsprep is at work · 77 not permitted\n\nExamples:\n  rsprep probe self\n  rsprep probe self --clean       after one was killed`,
  run: async (context, { clean }) => {
    const desired = clean ? null : await loadDesired(context, { allowEmpty: true });
    if (desired === null && !clean) return;
    const run = await runSelf(context, async (host) => {
      const removed = await host.clean();
      const left = 'what a killed probe left behind';
      const notes =
        removed.length > 0 ? [`removed ${left}: ${removed.join(', ')}`] : clean ? [`there was nothing of ${left}`] : [];
      return desired === null ? { notes, tried: null } : { notes, tried: await probeSelf(host, desired) };
    });
    emitProbe(run, context, clean && run.failure === null ? 0 : probeExitCode(run));
  },
});

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
  const lock = await acquireLock(paths, globals.lockTimeoutMs, 'probe self', wallClock());
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
