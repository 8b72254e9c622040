import { asArpKey } from '../../core/model/arp-settings.ts';
import { LEDGER_FORMAT, type Ledger } from '../../core/model/ledger.ts';

type Json = Readonly<Record<string, unknown>>;

/** Enough of its shape that nothing later trips over it; a ledger that lies about the kernel is caught by observation. */
export function isLedger(item: unknown): item is Ledger {
  if (!isJson(item) || item.format !== LEDGER_FORMAT) return false;
  const { addresses, sysctls, snapshot, taken, applied, intent } = item;
  return (
    listOf(addresses, isAddress) &&
    listOf(sysctls, isOwnedSysctl) &&
    listOf(taken, isAddress) &&
    isJson(snapshot) &&
    Object.values(snapshot).every((values) => isJson(values) && Object.values(values).every(isInteger)) &&
    (applied === null || (isJson(applied) && isJson(applied.desired) && Array.isArray(applied.desired.vips))) &&
    (item.unconfirmed === undefined || item.unconfirmed === null || isUnconfirmed(item.unconfirmed)) &&
    (intent === null || (isJson(intent) && typeof intent.command === 'string' && Array.isArray(intent.steps)))
  );
}

/**
 * A sysctl in it that this version does not manage, or null. A later version added that key to the same format; without knowing
 * it, going back to what was there before would leave it set.
 */
export function unknownKey({ sysctls, unconfirmed }: Ledger): string | null {
  const undo = unconfirmed?.undo.flat().flatMap((action) => (action.kind === 'set-sysctl' ? [action] : [])) ?? [];
  const unknown = [...sysctls, ...undo].find(({ setting }) => asArpKey(setting.key) === null);
  return unknown?.setting.key ?? (unconfirmed?.previous ? unknownKey(unconfirmed.previous) : null);
}

const isUnconfirmed = (item: unknown): boolean =>
  isJson(item) &&
  typeof item.until === 'string' &&
  typeof item.token === 'string' &&
  (item.bootId === null || typeof item.bootId === 'string') &&
  (item.span === undefined || isSpan(item.span)) &&
  isJson(item.desired) &&
  (item.previous === null || isLedger(item.previous)) &&
  Array.isArray(item.undo) &&
  item.undo.every((group) => listOf(group, isAction));

const isSpan = (item: unknown): boolean => isJson(item) && isInteger(item.fromMs) && isInteger(item.untilMs);

const isAction = (action: Json): boolean =>
  typeof action.kind === 'string' &&
  (action.kind !== 'set-sysctl' || (isSetting(action.setting) && isInteger(action.to)));

const isOwnedSysctl = (entry: Json): boolean =>
  isSetting(entry.setting) && isInteger(entry.before) && isInteger(entry.set);

/** Both become segments of a path below /proc/sys. */
const isSetting = (item: unknown): boolean => isJson(item) && isSegment(item.scope) && isSegment(item.key);
const isSegment = (item: unknown): boolean =>
  typeof item === 'string' && item !== '' && item !== '.' && item !== '..' && !item.includes('/');

const isAddress = (entry: Json): boolean =>
  typeof entry.device === 'string' && typeof entry.ip === 'string' && isInteger(entry.prefixLength);

const isInteger = (item: unknown): item is number => Number.isInteger(item);
const listOf = (item: unknown, is: (entry: Json) => boolean): boolean =>
  Array.isArray(item) && item.every((entry) => isJson(entry) && is(entry));

export const isJson = (item: unknown): item is Json =>
  typeof item === 'object' && item !== null && !Array.isArray(item);
