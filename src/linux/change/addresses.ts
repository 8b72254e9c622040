import type { ActionResult, PerformContext } from '../../app/ports/host.ts';
import { type Action, addArguments, target } from '../../core/model/action.ts';
import { assertNever, isIpv6 } from '../../core/model/names.ts';
import type { Link } from '../../core/model/observed.ts';
import { parseArray, toLink, toLocalRoute, UnexpectedOutput } from '../observe/ip-json.ts';
import { type CommandResult, commandFailure, read } from '../process/command.ts';
import { done, failure, runIp, uncertain } from './outcome.ts';

export type AddressAction = Extract<
  Action,
  { device: unknown; ip: unknown; kind: 'add-address' | 'delete-address' | 'refresh-address' | 'renew-address' }
>;

export const isAddressAction = (action: Action | undefined): action is AddressAction =>
  action?.kind === 'add-address' ||
  action?.kind === 'delete-address' ||
  action?.kind === 'refresh-address' ||
  action?.kind === 'renew-address';

/**
 * `ip -batch` stops at the first error and keeps what it did; so what was done is read from the kernel afterwards, and a
 * line that failed although its goal is reached (somebody was faster) is skipped and the rest tried again.
 */
export async function changeAddresses(
  actions: readonly AddressAction[],
  context: PerformContext,
): Promise<readonly ActionResult[]> {
  const cut = actions.find(({ device }) => device.includes('#'));
  if (cut)
    return report(actions, actions, cut, `ip -batch would cut off the name ${cut.device} at its #: rename the device`);
  let todo = actions;
  while (todo.length > 0) {
    const result = await runIp(['ip', '-batch', '-'], `${todo.flatMap(batchLines).join('\n')}\n`, context);
    const after = heldAddresses(context);
    if (typeof after === 'string') return unseen(actions, after);
    const ran = result.kind === 'ok';
    const left = todo.filter((action) => !isReached(action, after, ran));
    if (ran && left.length === 0) {
      await localRoutes(actions, context);
      return actions.map((action) => done(action));
    }
    const message = result.kind === 'ok' ? undoneByOthers(left[0]) : commandFailure(result, 'ip -batch');
    // No progress means a real failure; progress means that the failing line's goal was reached by somebody else.
    const failedLine = result.kind === 'failed' ? todo[failedIndex(result, todo)] : undefined;
    if (failedLine === undefined || left.includes(failedLine) || left.length === todo.length) {
      return report(actions, left, failedLine ?? left[0], message);
    }
    todo = left;
  }
  return actions.map((action) => done(action));
}

/** How long the kernel is given for it, and between two looks, in milliseconds. */
const [ROUTES_MS, PAUSE_MS] = [2000, 20];

/**
 * An IPv6 address is there when `ip` returns; its local route is added by the kernel's workqueue a moment later (net/ipv6/addrconf.c,
 * addrconf_dad_work()). Who looks in between sees a VIP whose packets are not taken in. Where it stays away, verify says so.
 */
async function localRoutes(actions: readonly AddressAction[], context: PerformContext): Promise<void> {
  const added = actions.filter(({ kind, ip }) => kind === 'add-address' && isIpv6(ip)).map(({ ip }) => ip);
  const endMs = performance.now() + ROUTES_MS;
  while (added.length > 0 && performance.now() < endMs) {
    const result = read(['ip', '-6', '-j', 'route', 'show', 'table', 'local'], { timeoutMs: context.timeoutMs });
    if (result.kind !== 'ok') return;
    const there = new Set(localDestinations(result.stdout));
    if (added.every((ip) => there.has(ip))) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function localDestinations(json: string): readonly string[] {
  try {
    return parseArray(json)
      .flatMap(toLocalRoute)
      .map(({ destination }) => destination);
  } catch (error) {
    if (error instanceof UnexpectedOutput) return [];
    throw error;
  }
}

/** ip was content, and the kernel shows otherwise a moment later: keepalived, for one, watches its addresses and puts them back. */
function undoneByOthers(action: AddressAction | undefined): string {
  if (action?.kind !== 'delete-address')
    return 'ip reported success, but the kernel does not show it: another program removes it again';
  const what = `${action.ip}/${action.prefixLength} was deleted from ${action.device} and is there again`;
  return `${what}: another program puts it back, most likely keepalived with this virtual_ipaddress; stop that first`;
}

/** `Command failed -:12` names the line of the batch, from 1. */
function failedIndex(result: CommandResult & { kind: 'failed' }, todo: readonly AddressAction[]): number {
  const line = Number(/Command failed -:(\d+)/.exec(result.stderr)?.[1] ?? '1') - 1;
  return todo[0]?.kind === 'renew-address' ? Math.floor(line / 2) : line;
}

function report(
  actions: readonly AddressAction[],
  left: readonly AddressAction[],
  failed: AddressAction | undefined,
  message: string,
): readonly ActionResult[] {
  const remaining = new Set(left);
  return actions.map((action) => {
    if (!remaining.has(action)) return done(action);
    return action === failed || failed === undefined
      ? failure(action, message)
      : { action, status: 'not-run', detail: null };
  });
}

/** The batch ran, and the kernel cannot be read: any part of it may be done. */
const unseen = (actions: readonly AddressAction[], message: string): readonly ActionResult[] =>
  actions.map((action) => uncertain(failure(action, message)));

function batchLines(action: AddressAction): readonly string[] {
  const address = `${target(action)} dev ${action.device}`;
  switch (action.kind) {
    case 'add-address':
      return [`address add ${addArguments(action).join(' ')}`];
    case 'delete-address':
      return [`address del ${address}`];
    case 'refresh-address':
      return [`address change ${address} valid_lft forever preferred_lft ${action.deprecated ? '0' : 'forever'}`];
    case 'renew-address':
      return [
        `address del ${action.ip}/${action.from} dev ${action.device}`,
        `address add ${address} preferred_lft 0 nodad`,
      ];
    default:
      return assertNever(action);
  }
}

type Held = ReadonlyMap<string, Link['addresses'][number]>;

/** IPv4 may have the same address twice on a device, with another prefix or peer; IPv6 may not. */
const addressKey = (device: string, address: Parameters<typeof target>[0]): string =>
  `${device} ${isIpv6(address.ip) ? `${address.ip}/${address.prefixLength}` : target(address)}`;

function heldAddresses(context: PerformContext): Held | string {
  const result = read(['ip', '-j', 'address', 'show'], { timeoutMs: context.timeoutMs });
  if (result.kind !== 'ok') return commandFailure(result, 'cannot read the addresses back');
  try {
    const links = parseArray(result.stdout)
      .map(toLink)
      .filter((link) => link !== null);
    if (links.length === 0) return 'cannot read the addresses back: `ip -j address show` lists no interface';
    return new Map(links.flatMap((link) => link.addresses.map((a) => [addressKey(link.name, a), a] as const)));
  } catch (error) {
    if (error instanceof UnexpectedOutput) return `cannot read the addresses back: ${error.message}`;
    throw error;
  }
}

/** @param ran the batch went through, so that an action without a visible goal counts as done. */
function isReached(action: AddressAction, held: Held, ran: boolean): boolean {
  const address = held.get(addressKey(action.device, action));
  switch (action.kind) {
    case 'add-address':
      return address !== undefined;
    case 'delete-address':
      return address === undefined;
    case 'refresh-address':
      return (
        address !== undefined && address.validSeconds === null && (!action.deprecated || address.preferredSeconds === 0)
      );
    case 'renew-address':
      // Deleting and adding the same prefix shows nothing but that the flag is gone; so the batch must have gone through too.
      return address !== undefined && !address.dadFailed && (ran || action.from !== action.prefixLength);
    default:
      return assertNever(action);
  }
}
