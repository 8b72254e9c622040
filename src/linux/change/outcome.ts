import type { ActionResult, PerformContext } from '../../app/ports/host.ts';
import type { Action } from '../../core/model/action.ts';
import { type CommandResult, change } from '../process/command.ts';

/** Runs ip(8) so that it keeps the lock busy, even when this process is killed meanwhile. */
export const runIp = (
  argv: readonly [string, ...string[]],
  input: string,
  context: PerformContext,
): Promise<CommandResult> => change(argv, { input, timeoutMs: context.timeoutMs, lockFd: context.lockFd });

export const done = (action: Action, detail: string | null = null): ActionResult => ({
  action,
  status: 'done',
  detail,
});
export const failure = (action: Action, detail: string): ActionResult => ({ action, status: 'failed', detail });
/** The change was tried, and nobody can say that it was not made: it is taken back like one that was. */
export const uncertain = (failed: ActionResult): ActionResult => ({ ...failed, uncertain: true });
