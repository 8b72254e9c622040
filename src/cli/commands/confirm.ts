import { changing } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import { formats, lockTimeout, timeout } from '../options/globals.ts';
import { bare } from '../options/option.ts';
import { parsed } from '../options/value.ts';
import { emit } from '../output.ts';
import { progressOn } from '../progress.ts';

/** The watchdog waits for whoever holds the lock; a person may say otherwise. */
const PATIENCE = { ms: 60_000, text: '1m' };

const token = parsed('token', 'the token of an apply, which its watchdog has', (word) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(word) ? word : null,
);

export const confirmCommand = command({
  name: 'confirm',
  summary: 'keep what `apply --confirm` did',
  description:
    'Keeps what the last `rsprep apply --confirm SECONDS` did: it is persisted and no longer taken back. Needs no configuration: it confirms what was applied.',
  options: { revert: bare(token, 'take the changes back now instead of waiting') },
  uses: { format: formats('text', 'json'), timeout: timeout(), 'lock-timeout': lockTimeout(PATIENCE) },
  after:
    'Examples:\n  rsprep apply --confirm 60     then look around, from another shell too\n  rsprep confirm                keep it\n  rsprep confirm --revert       or take it back now',
  run: async (context, options) => {
    const interrupted = context.io.deferSignals();
    const host = changing(context.paths, context.hostOptions, interrupted);
    const { confirm, revert } = await import('../../app/apply/confirm.ts');
    const { timeoutMs, lockTimeoutMs } = context.globals;
    if (options.revert !== false) {
      const which = options.revert === true ? null : options.revert;
      return emit(await revert(host, which, { lockTimeoutMs, timeoutMs }), context);
    }
    const progress = progressOn(context.io, 'confirm');
    const keep = { 'take-from-nic': false, prune: false, boot: false, confirmMs: null, strict: false };
    const report = await confirm(host, { ...keep, lockTimeoutMs, timeoutMs, progress: progress.step });
    progress.end();
    await emit(report, context);
  },
});
