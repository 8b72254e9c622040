import { LEDGER_FORMAT, LEDGER_PATH, type Ledger } from '../../core/model/ledger.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { deleteFile, readText, setAside, writeAtomic } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';

export function readLedger(paths: Paths): Reading<Ledger> {
  const path = paths.at(LEDGER_PATH);
  const text = readText(path);
  if (text.kind !== 'value') return text;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.value);
  } catch (error) {
    return unreadable('corrupt', `${path}: it is corrupt (${error instanceof Error ? error.message : 'no JSON'})`);
  }
  if (isObject(parsed) && typeof parsed.format === 'number' && parsed.format > LEDGER_FORMAT) {
    return unreadable(
      'newer',
      `${path}: a newer rsprep wrote it (format ${parsed.format}, this one knows ${LEDGER_FORMAT})`,
    );
  }
  return isLedger(parsed)
    ? value(parsed)
    : unreadable('corrupt', `${path}: it is corrupt (it is JSON, but not a ledger)`);
}

export const writeLedger = (paths: Paths, ledger: Ledger): Promise<void> =>
  writeAtomic(paths.at(LEDGER_PATH), `${JSON.stringify(ledger)}\n`);

export const deleteLedger = (paths: Paths): void => deleteFile(paths.at(LEDGER_PATH));

export function setLedgerAside(paths: Paths, suffix: string): string {
  const path = paths.at(LEDGER_PATH);
  setAside(path, `${path}${suffix}`);
  return `${path}${suffix}`;
}

const isObject = (item: unknown): item is Record<string, unknown> =>
  typeof item === 'object' && item !== null && !Array.isArray(item);

/** Enough of its shape that nothing later trips over it; a ledger that lies about the kernel is caught by observation. */
function isLedger(item: unknown): item is Ledger {
  if (!isObject(item) || item.format !== LEDGER_FORMAT) return false;
  const { addresses, sysctls, snapshot, taken, applied, intent } = item;
  return (
    listOf(addresses, isAddress) &&
    listOf(sysctls, isSysctl) &&
    listOf(taken, isAddress) &&
    isObject(snapshot) &&
    Object.values(snapshot).every((s) => isObject(s) && isInteger(s.arp_ignore) && isInteger(s.arp_announce)) &&
    (applied === null || (isObject(applied) && isObject(applied.desired) && Array.isArray(applied.desired.vips))) &&
    (item.unconfirmed === undefined || item.unconfirmed === null || isUnconfirmed(item.unconfirmed)) &&
    (intent === null || (isObject(intent) && typeof intent.command === 'string' && Array.isArray(intent.steps)))
  );
}

const isUnconfirmed = (item: unknown): boolean =>
  isObject(item) &&
  typeof item.until === 'string' &&
  typeof item.token === 'string' &&
  isObject(item.desired) &&
  Array.isArray(item.undo) &&
  item.undo.every((group) => listOf(group, (action) => typeof action.kind === 'string'));

const isInteger = (item: unknown): item is number => Number.isInteger(item);
const listOf = (item: unknown, is: (entry: Record<string, unknown>) => boolean): boolean =>
  Array.isArray(item) && item.every((entry) => isObject(entry) && is(entry));
const isAddress = (entry: Record<string, unknown>): boolean =>
  typeof entry.device === 'string' && typeof entry.ip === 'string' && isInteger(entry.prefixLength);
const isSysctl = (entry: Record<string, unknown>): boolean =>
  Array.isArray(entry.path) &&
  entry.path.length === 5 &&
  entry.path.slice(0, 3).join('/') === 'net/ipv4/conf' &&
  (entry.path[4] === 'arp_ignore' || entry.path[4] === 'arp_announce') &&
  entry.path.every(
    (segment) => typeof segment === 'string' && segment !== '' && segment !== '..' && !segment.includes('/'),
  ) &&
  isInteger(entry.before) &&
  isInteger(entry.set);
