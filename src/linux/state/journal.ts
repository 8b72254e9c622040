import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { escapeJson } from '../../core/escape.ts';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import {
  type LastRun,
  parseLastRun,
  parseRecord,
  REPORT_DIRECTORY,
  type RunRecord,
} from '../../core/report/journal.ts';
import { causeOf, errorText, isAbsent } from '../files/errors.ts';
import { readText, writeAtomic } from '../files/files.ts';
import { asOwnerOf } from '../files/owner.ts';
import type { Paths } from '../files/paths.ts';

const CURRENT = 'journal.jsonl';
const LAST = 'last.json';
/** Rotated files carry the number of their last run, and the process that moved them: `journal-0000009000-4711.jsonl`. */
const ROTATED = /^journal-\d{10}-\d+\.jsonl$/;
/** A run that changed nothing takes 110 bytes: 1 MiB holds a month of a five-minute timer. */
const ROTATE_BYTES = 1 << 20;
const KEEP_ROTATED = 12;
/** Longer than any line of a run that changed nothing. */
const TAIL_BYTES = 4096;

/** The last line, or null on a host where no report ever ran. Reads the end of one file. */
export function lastRecord(paths: Paths): Reading<RunRecord | null> {
  try {
    const files = journalFiles(paths);
    for (const file of files.toReversed()) {
      const record = lastOf(file);
      if (record) return value(record);
    }
    return value(null);
  } catch (error) {
    return unreadable(causeOf(error), `${paths.at(REPORT_DIRECTORY)}: ${errorText(error)}`);
  }
}

/** Every run of which the journal still knows, oldest first. Lines that are no records are passed over and counted. */
export function readJournal(
  paths: Paths,
): Reading<{ readonly records: readonly RunRecord[]; readonly skipped: number }> {
  try {
    // What is behind the last line feed is no line: the next run cuts it off.
    const lines = journalFiles(paths).flatMap((file) => {
      const parts = readFileSync(file, 'utf8').split('\n');
      return [...parts.slice(0, -1), ...(parts.at(-1) === '' ? [] : [''])];
    });
    const parsed = lines.map(parseRecord);
    const records = parsed.filter((record) => record !== null).sort((a, b) => a.seq - b.seq);
    return value({ records, skipped: parsed.length - records.length });
  } catch (error) {
    return unreadable(causeOf(error), `${paths.at(REPORT_DIRECTORY)}: ${errorText(error)}`);
  }
}

/**
 * Appends one line with one write(2): whatever kills this process, earlier lines stay as they are. Cuts off first what a
 * write that was stopped in its middle (no space left, or SIGKILL between two pages) has left behind.
 * @throws the system's error; the journal is then as it was.
 */
export function appendRecord(paths: Paths, record: RunRecord, rotateBytes = ROTATE_BYTES): void {
  asOwnerOf(paths.at(REPORT_DIRECTORY), () => {
    const file = join(paths.at(REPORT_DIRECTORY), CURRENT);
    mkdirSync(paths.at(REPORT_DIRECTORY), { recursive: true, mode: 0o755 });
    const fd = openSync(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
    try {
      cutTornTail(fd);
      const { size } = fstatSync(fd);
      // Everybody may read the history, whatever the umask of the unit.
      if (size === 0) fchmodSync(fd, 0o644);
      const line = Buffer.from(`${escapeJson(JSON.stringify(record))}\n`);
      if (writeSync(fd, line) !== line.length) {
        ftruncateSync(fd, size);
        throw Object.assign(new Error('no space left for a whole line'), { code: 'ENOSPC' });
      }
      // A run that changed nothing may be lost when the power fails; a change may not.
      if (record.changedSeq === record.seq) fdatasyncSync(fd);
      if (size + line.length >= rotateBytes) rotate(paths, file, record);
    } finally {
      closeSync(fd);
    }
  });
}

export function readLastRun(paths: Paths): Reading<LastRun> {
  const path = join(paths.at(REPORT_DIRECTORY), LAST);
  const text = readText(path);
  if (text.kind !== 'value') return text;
  const last = parseLastRun(text.value);
  // What is none can be made again from the journal.
  return last === null ? absent : value(last);
}

/** @throws the system's error; the file is then as it was. */
export const writeLastRun = (paths: Paths, last: LastRun): Promise<void> =>
  asOwnerOf(paths.at(REPORT_DIRECTORY), () =>
    writeAtomic(join(paths.at(REPORT_DIRECTORY), LAST), `${escapeJson(JSON.stringify(last))}\n`),
  );

/** Oldest first, the one that is written to last. */
function journalFiles(paths: Paths): readonly string[] {
  const directory = paths.at(REPORT_DIRECTORY);
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  const rotated = names.filter((name) => ROTATED.test(name)).sort();
  return [...rotated, ...names.filter((name) => name === CURRENT)].map((name) => join(directory, name));
}

function lastOf(file: string): RunRecord | null {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    for (let length = Math.min(TAIL_BYTES, size); ; length = Math.min(length * 8, size)) {
      const lines = readEnd(fd, size, length).split('\n');
      // What is before the first line feed may be half a line, unless it is the file's beginning.
      const whole = lines.slice(length === size ? 0 : 1, -1);
      const record = whole
        .toReversed()
        .map(parseRecord)
        .find((parsed) => parsed !== null);
      if (record || length === size) return record ?? null;
    }
  } finally {
    closeSync(fd);
  }
}

const readEnd = (fd: number, size: number, length: number): string => readBytes(fd, size, length).toString('utf8');

function cutTornTail(fd: number): void {
  const { size } = fstatSync(fd);
  if (size === 0 || readEnd(fd, size, 1) === '\n') return;
  // Another report may be writing this very moment: its write is one call, so after a pause it is whole.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  if (fstatSync(fd).size === size) ftruncateSync(fd, endOfLastLine(fd, size));
}

/** Offset behind the last line feed; 0 where there is none. */
function endOfLastLine(fd: number, size: number): number {
  for (let length = Math.min(TAIL_BYTES, size); ; length = Math.min(length * 8, size)) {
    const feed = readBytes(fd, size, length).lastIndexOf(0x0a);
    if (feed >= 0 || length === size) return size - length + feed + 1;
  }
}

function readBytes(fd: number, size: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, size - length));
}

/** One rename to a name nobody else uses: a kill or a second report at the same time cannot lose a line. */
function rotate(paths: Paths, file: string, record: RunRecord): void {
  const directory = paths.at(REPORT_DIRECTORY);
  const name = `journal-${String(record.seq).padStart(10, '0')}-${process.pid}.jsonl`;
  try {
    renameSync(file, join(directory, name));
    const rotated = readdirSync(directory)
      .filter((entry) => ROTATED.test(entry))
      .sort();
    for (const old of rotated.slice(0, Math.max(0, rotated.length - KEEP_ROTATED))) unlinkSync(join(directory, old));
  } catch (error) {
    if (!isAbsent(error)) throw error; // another report was quicker
  }
}
