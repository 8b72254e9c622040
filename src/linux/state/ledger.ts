import { basename } from 'node:path';
import { LEDGER_FORMAT, LEDGER_PATH, type Ledger } from '../../core/model/ledger.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { deleteFile, setAside, writeAtomic } from '../files/replace.ts';
import { carriedOver } from './ledger-formats.ts';
import { isJson, isLedger, unknownKey } from './ledger-shape.ts';

/** A hundred thousand addresses have less. */
const MOST_BYTES = 256 << 20;

/** One of an older format is carried over. */
export function readLedger(paths: Paths): Reading<Ledger> {
  const path = paths.at(LEDGER_PATH);
  const text = readText(path, { mostBytes: MOST_BYTES });
  if (text.kind !== 'value') return text;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.value);
  } catch (error) {
    return unreadable('corrupt', `${path}: it is corrupt (${error instanceof Error ? error.message : 'no JSON'})`);
  }
  if (!isJson(parsed)) return unreadable('corrupt', `${path}: it is corrupt (it is JSON, but not a ledger)`);
  if (typeof parsed.format === 'number' && parsed.format > LEDGER_FORMAT) {
    return unreadable(
      'newer',
      `${path}: a newer rsprep wrote it (format ${parsed.format}, this one knows ${LEDGER_FORMAT})`,
    );
  }
  const ledger = carriedOver(parsed);
  if (!isLedger(ledger)) return unreadable('corrupt', `${path}: it is corrupt (it is JSON, but not a ledger)`);
  const key = unknownKey(ledger);
  return key === null
    ? value(ledger)
    : unreadable('newer', `${path}: a newer rsprep wrote it (it set ${key}, which this one does not manage)`);
}

export const writeLedger = (paths: Paths, ledger: Ledger): Promise<void> =>
  writeAtomic(paths, LEDGER_PATH, `${JSON.stringify(ledger)}\n`);

export const deleteLedger = (paths: Paths): void => deleteFile(paths, LEDGER_PATH);

export function setLedgerAside(paths: Paths, suffix: string): string {
  setAside(paths, LEDGER_PATH, `${basename(LEDGER_PATH)}${suffix}`);
  return paths.at(`${LEDGER_PATH}${suffix}`);
}
