import {
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  statSync,
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
import { closeQuietly } from '../files/close.ts';
import { causeOf, errorText, isAbsent } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { someNamesIn } from '../files/folders.ts';
import { type Folder, inFolder } from '../files/handle.ts';
import { isRoot } from '../files/owner.ts';
import type { Paths } from '../files/paths.ts';
import { writeAtomic } from '../files/replace.ts';

const CURRENT = 'journal.jsonl';
const LAST = 'last.json';
/** Rotated files carry the number of their last run, and the process that moved them: `journal-0000009000-4711.jsonl`. */
const ROTATED = /^journal-\d{10}-\d+\.jsonl$/;
/** A run that changed nothing takes 110 bytes: 1 MiB holds a month of a five-minute timer. */
const ROTATE_BYTES = 1 << 20;
const KEEP_ROTATED = 12;
/** Longer than any line of a run that changed nothing. */
const TAIL_BYTES = 4096;
/** Of one file: the line of a run that found 10 000 things wrong takes a few MiB. Another user may write here, so nothing is believed. */
const MOST_BYTES = 32 << 20;
const MOST_BYTES_IN_ALL = 128 << 20;
/** Of files that are read: more than are kept, because those that are to go may still be there. */
const MOST_FILES = 2 * KEEP_ROTATED;
const MOST_NAMES = 10_000;

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
    let bytes = 0;
    const lines = journalFiles(paths).flatMap((file) => {
      const text = wholeFile(file);
      bytes += text.length;
      if (bytes > MOST_BYTES_IN_ALL) throw new Error(`the journal is larger than ${MOST_BYTES_IN_ALL >> 20} MiB`);
      const parts = text.split('\n');
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
  inFolder(paths, REPORT_DIRECTORY, true, (folder) => {
    const fd = openJournal(folder.at(CURRENT), constants.O_RDWR | constants.O_APPEND | constants.O_CREAT);
    try {
      cutTornTail(fd);
      const { size } = fstatSync(fd);
      // Everybody may read the history, whatever the umask of the unit.
      if (size === 0) fchmodSync(fd, 0o644);
      const line = Buffer.from(`${escapeJson(JSON.stringify(record))}\n`);
      const written = writeSync(fd, line);
      if (written !== line.length) {
        ftruncateSync(fd, size);
        throw new Error(
          `only ${written} of ${line.length} bytes could be written: no space left, a quota, or ulimit -f`,
        );
      }
      // A run that changed nothing may be lost when the power fails; a change may not.
      if (record.changedSeq === record.seq) fdatasyncSync(fd);
      if (size + line.length >= rotateBytes) rotate(folder, record);
    } finally {
      closeQuietly(fd);
    }
  });
}

export function readLastRun(paths: Paths): Reading<LastRun> {
  const directory = paths.at(REPORT_DIRECTORY);
  const text = readText(join(directory, LAST), { mostBytes: MOST_BYTES, noLink: true });
  if (text.kind !== 'value') return text;
  const last = parseLastRun(text.value);
  // What is none can be made again from the journal.
  if (last === null) return absent;
  // Where root writes is said by nobody but root.
  const isTold = !isRoot() || statSync(directory).uid === 0;
  return value(isTold ? last : { ...last, textfile: null });
}

/** @throws the system's error; the file is then as it was. */
export const writeLastRun = (paths: Paths, last: LastRun): Promise<void> =>
  writeAtomic(paths, `${REPORT_DIRECTORY}/${LAST}`, `${escapeJson(JSON.stringify(last))}\n`);

/** Oldest first, the one that is written to last. */
function journalFiles(paths: Paths): readonly string[] {
  const directory = paths.at(REPORT_DIRECTORY);
  let names: readonly string[];
  try {
    names = someNamesIn(directory, MOST_NAMES);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  if (names.length === MOST_NAMES) throw new Error(`there are ${MOST_NAMES} files or more; look who makes them`);
  const rotated = names.filter((name) => ROTATED.test(name)).sort();
  return [...rotated.slice(-MOST_FILES), ...names.filter((name) => name === CURRENT)].map((name) =>
    join(directory, name),
  );
}

/** @throws where it is no file, or larger than any journal: whoever may write here must not keep root waiting or fill its memory. */
function openJournal(file: string, flags: number): number {
  const fd = openSync(file, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY, 0o644);
  const stats = fstatSync(fd);
  if (stats.isFile() && stats.size <= MOST_BYTES) return fd;
  closeQuietly(fd);
  const what = stats.isFile() ? `it is larger than ${MOST_BYTES >> 20} MiB` : 'it is no file';
  throw new Error(`${file}: ${what}; look at it, and move it away`);
}

/** @throws where it cannot be read */
function wholeFile(file: string): string {
  const text = readText(file, { mostBytes: MOST_BYTES, noLink: true });
  if (text.kind === 'unreadable') throw new Error(text.reason);
  return text.kind === 'value' ? text.value : ''; // another report has rotated it away
}

function lastOf(file: string): RunRecord | null {
  const fd = openJournal(file, constants.O_RDONLY);
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
    closeQuietly(fd);
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
function rotate(folder: Folder, record: RunRecord): void {
  const name = `journal-${String(record.seq).padStart(10, '0')}-${process.pid}.jsonl`;
  try {
    renameSync(folder.at(CURRENT), folder.at(name));
    const rotated = someNamesIn(folder.at('.'), MOST_NAMES)
      .filter((entry) => ROTATED.test(entry))
      .sort();
    for (const old of rotated.slice(0, Math.max(0, rotated.length - KEEP_ROTATED))) unlinkSync(folder.at(old));
  } catch (error) {
    if (!isAbsent(error)) throw error; // another report was quicker
  }
}
