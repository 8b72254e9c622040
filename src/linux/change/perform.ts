import type { ActionResult, PerformContext } from '../../app/ports/host.ts';
import type { Action } from '../../core/model/action.ts';
import { settingPath, settingText } from '../../core/model/arp-settings.ts';
import { assertNever } from '../../core/model/names.ts';
import type { Reading } from '../../core/model/reading.ts';
import { errorText, isAbsent } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { deleteFile, writeAtomic } from '../files/replace.ts';
import { readSysctl, writeSysctl } from '../observe/sysctl.ts';
import { commandFailure } from '../process/command.ts';
import { type AddressAction, changeAddresses, isAddressAction } from './addresses.ts';
import { done, failure, runIp, uncertain } from './outcome.ts';

/**
 * Performs actions in their order; stops at the first that fails and reports the rest as not run. Every change is read
 * back from the kernel: a write that seemed to work and did not is a failure.
 */
export async function perform(
  paths: Paths,
  actions: readonly Action[],
  context: PerformContext,
): Promise<readonly ActionResult[]> {
  const results: ActionResult[] = [];
  let index = 0;
  while (index < actions.length) {
    if (results.some(({ status }) => status === 'failed') || context.interrupted()) break;
    const batch = addressRun(actions, index);
    if (batch.length > 0) {
      results.push(...(await changeAddresses(batch, context)));
      index += batch.length;
    } else {
      const action = actions[index];
      if (action) results.push(await performOne(paths, action, context));
      index += 1;
    }
    context.progress(Math.min(index, actions.length), actions.length);
  }
  return [
    ...results,
    ...actions.slice(results.length).map((action): ActionResult => ({ action, status: 'not-run', detail: null })),
  ];
}

/** Addresses of one kind go to one `ip -batch`, at most so many at a time that progress shows and a signal is heard. */
const BATCH_SIZE = 2000;

function addressRun(actions: readonly Action[], from: number): readonly AddressAction[] {
  const run: AddressAction[] = [];
  for (let i = from; i < actions.length && run.length < BATCH_SIZE; i += 1) {
    const action = actions[i];
    if (!isAddressAction(action) || action.kind !== (run[0]?.kind ?? action.kind)) break;
    run.push(action);
  }
  return run;
}

async function performOne(paths: Paths, action: Action, context: PerformContext): Promise<ActionResult> {
  switch (action.kind) {
    case 'set-sysctl':
      return setSysctl(action);
    case 'set-link': {
      const result = await runIp(['ip', 'link', 'set', 'dev', action.device, action.up ? 'up' : 'down'], '', context);
      if (result.kind === 'ok') return done(action);
      const failed = failure(
        action,
        commandFailure(result, `cannot set ${action.device} ${action.up ? 'up' : 'down'}`),
      );
      return result.kind === 'missing' ? failed : uncertain(failed);
    }
    case 'write-file':
      return changeFile(action, paths, () => writeAtomic(paths, action.path, action.content));
    case 'delete-file':
      return changeFile(action, paths, async () => deleteFile(paths, action.path));
    case 'adopt-address':
    case 'record-desired':
      return done(action);
    case 'add-address':
    case 'delete-address':
    case 'refresh-address':
    case 'renew-address':
      throw new Error('addresses go in batches');
    default:
      return assertNever(action);
  }
}

/**
 * Read before write, and read back after: the kernel takes values such as 99 without complaint, and others may write too. Once
 * the write was tried, only reading back the old value says that nothing was done.
 */
function setSysctl(action: Extract<Action, { kind: 'set-sysctl' }>): ActionResult {
  const path = settingPath(action.setting);
  const name = settingText(action.setting);
  const before = readSysctl(path);
  if (before.kind === 'absent') return vanished(action, name);
  if (before.kind === 'unreadable') return failure(action, `cannot read ${name} before setting it: ${before.reason}`);
  if (before.value === action.to) return done(action);
  if (action.onlyIf !== null && before.value !== action.onlyIf) {
    return done(action, `left at ${before.value}: somebody else set it (rsprep had set ${action.onlyIf})`);
  }
  try {
    writeSysctl(path, action.to);
  } catch (error) {
    if (isAbsent(error)) return vanished(action, name);
    const failed = failure(action, `cannot set ${name} to ${action.to}: ${errorText(error)}`);
    const now = readSysctl(path);
    return now.kind === 'value' && now.value === before.value ? failed : uncertain(failed);
  }
  const after = readSysctl(path);
  if (after.kind === 'absent') return vanished(action, name);
  if (after.kind === 'unreadable')
    return uncertain(failure(action, `${name} was set to ${action.to} and cannot be read back: ${after.reason}`));
  if (after.value === action.to) return done(action);
  const message = `${name} was set to ${action.to} and reads back ${after.value}: something else on this host sets it`;
  return uncertain(failure(action, message));
}

/** An interface goes, and its settings with it; `all` and `default` never do. */
const vanished = (action: Extract<Action, { kind: 'set-sysctl' }>, name: string): ActionResult =>
  action.setting.scope === 'all' || action.setting.scope === 'default'
    ? failure(action, `cannot set ${name}: it is not there`)
    : done(action, `${name} is not there any more: the interface has vanished`);

/** A file may be as it is wanted although the call failed: the rename was done, and the folder could not be synced. */
async function changeFile(
  action: Extract<Action, { kind: 'write-file' | 'delete-file' }>,
  paths: Paths,
  work: () => Promise<void>,
): Promise<ActionResult> {
  const content = (): Reading<string> => readText(paths.at(action.path));
  const before = content();
  try {
    await work();
    return done(action);
  } catch (error) {
    const what = action.kind === 'delete-file' ? 'delete' : 'write';
    const failed = failure(action, `cannot ${what} ${action.path}: ${errorText(error)}`);
    return isSame(before, content()) ? failed : uncertain(failed);
  }
}

const isSame = (a: Reading<string>, b: Reading<string>): boolean =>
  (a.kind === 'absent' && b.kind === 'absent') || (a.kind === 'value' && b.kind === 'value' && a.value === b.value);
