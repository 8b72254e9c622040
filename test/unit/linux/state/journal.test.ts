import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync as symlink,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { catchUp, firstRun, type RunRecord, rebuild } from '../../../../src/core/report/journal.ts';
import { Paths } from '../../../../src/linux/files/paths.ts';
import {
  appendRecord,
  lastRecord,
  readJournal,
  readLastRun,
  writeLastRun,
} from '../../../../src/linux/state/journal.ts';
import { open } from '../../core/report/support.ts';

let root: string;
let paths: Paths;
const directory = (): string => join(root, 'var/lib/rsprep/report');
const file = (): string => join(directory(), 'journal.jsonl');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rsp-journal-'));
  paths = new Paths(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const record = (seq: number, more: Partial<RunRecord> = {}): RunRecord => ({
  v: 1,
  seq,
  changedSeq: 0,
  told: 0,
  at: new Date(Date.UTC(2026, 0, 1, 0, seq)).toISOString(),
  exit: 0,
  ms: 40,
  open: 0,
  ...more,
});

const read = (): { records: readonly RunRecord[]; skipped: number } => {
  const journal = readJournal(paths);
  if (journal.kind !== 'value') throw new Error('no journal');
  return journal.value;
};
const seqs = (): number[] => read().records.map(({ seq }) => seq);
const newest = (): number | null => {
  const last = lastRecord(paths);
  return last.kind === 'value' ? (last.value?.seq ?? null) : Number.NaN;
};

it('what the last report left is believed only where each field is what it should be', async () => {
  const last = { ...firstRun, seq: 3, open: [open('arp-ignore', 'eth0')], toldAt: null, textfile: '/x.prom' };
  await writeLastRun(paths, last);
  expect(readLastRun(paths)).toEqual({ kind: 'value', value: last });
  const { textfile: _, ...without } = last;
  for (const other of [
    ...[
      null,
      3,
      [],
      without,
      { ...last, format: 2 },
      { ...last, seq: '3' },
      { ...last, seq: -1 },
      { ...last, seq: 1.5 },
      { ...last, seq: 1e308 },
      { ...last, open: null },
      { ...last, textfile: 3 },
    ],
    ...[
      { ...last, toldAt: 'never' },
      { ...last, open: [null] },
      { ...last, open: [{ ...last.open[0], seen: {} }] },
    ],
  ]) {
    writeFileSync(join(directory(), 'last.json'), JSON.stringify(other));
    expect({ other, read: readLastRun(paths) }).toEqual({ other, read: { kind: 'absent' } });
  }
});

it('no line of it steers the terminal of whoever looks at the file', async () => {
  const evil = open('arp-ignore', '\u202e\u007f', { seen: 'a\u009b8m\u2028' });
  await appendRecord(paths, record(1, { new: [evil] }));
  await writeLastRun(paths, { ...firstRun, open: [evil] });
  for (const name of ['journal.jsonl', 'last.json'])
    expect(readFileSync(join(directory(), name), 'utf8')).toMatch(/^[\x20-\x7e]+\n$/);
  expect(read().records[0]?.new).toEqual([evil]);
});

describe('the journal', () => {
  it('is empty on a host where no report ever ran', () => {
    expect(newest()).toBe(null);
    expect(seqs()).toEqual([]);
  });

  it('gives back every line, and the newest without reading all', () => {
    for (let seq = 1; seq <= 300; seq += 1) appendRecord(paths, record(seq));
    expect(seqs()).toHaveLength(300);
    expect(newest()).toBe(300);
  });

  it('finds the newest line also when it is longer than what is read first', () => {
    appendRecord(paths, record(1));
    const many = Array.from({ length: 500 }, (_, n) => open('vip-missing', `10.0.1.${n}`));
    appendRecord(paths, record(2, { changedSeq: 2, new: many }));
    expect(readFileSync(file()).length).toBeGreaterThan(40_000);
    expect(newest()).toBe(2);
  });

  it.each([1, 20, 60, 109])('cuts off a line of which only %i bytes were written, and loses no other', (bytes) => {
    appendRecord(paths, record(1));
    appendRecord(paths, record(2));
    appendFileSync(file(), JSON.stringify(record(3)).slice(0, bytes));
    expect(newest()).toBe(2);
    expect(read()).toMatchObject({ skipped: 1 });
    appendRecord(paths, record(3));
    expect(seqs()).toEqual([1, 2, 3]);
    expect(read().skipped).toBe(0);
  });

  it('begins again where nothing but a torn line is left', () => {
    appendRecord(paths, record(1));
    truncateSync(file(), 30);
    appendRecord(paths, record(1));
    expect(seqs()).toEqual([1]);
  });

  it('passes over lines that are no records, and says how many', () => {
    appendRecord(paths, record(1));
    appendFileSync(file(), 'garbage\n{"v":2,"seq":9}\n{"v":1,"seq":"x"}\n');
    appendRecord(paths, record(2));
    expect(read()).toMatchObject({ skipped: 3 });
    expect(seqs()).toEqual([1, 2]);
  });

  it('is rotated by size, keeps what it says, and forgets only the oldest files', () => {
    for (let seq = 1; seq <= 200; seq += 1) appendRecord(paths, record(seq), 1000);
    const names = readdirSync(directory());
    expect(names.length).toBe(13);
    const kept = seqs();
    expect(kept.at(-1)).toBe(200);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, n) => 201 - kept.length + n));
    expect(kept.length).toBeGreaterThan(80);
    expect(newest()).toBe(200);
  });

  it('finds the newest line right after a rotation', () => {
    appendRecord(paths, record(1), 10);
    expect(readdirSync(directory())).toEqual([expect.stringMatching(/^journal-0000000001-\d+\.jsonl$/)]);
    expect(newest()).toBe(1);
  });

  it('follows no link', () => {
    appendRecord(paths, record(1));
    rmSync(file());
    const target = join(root, 'target');
    writeFileSync(target, '');
    rmSync(file(), { force: true });
    symlink(target, file());
    expect(() => appendRecord(paths, record(2))).toThrow(/ELOOP/);
    expect(readFileSync(target, 'utf8')).toBe('');
  });
});

describe('a journal in which another user may write', () => {
  const ways = [
    ['a pipe', (path: string) => spawnSync('mkfifo', [path])],
    ['a link to what never ends', (path: string) => symlink('/dev/zero', path)],
    ['a link to a file', (path: string) => symlink(join(root, 'target'), path)],
    ['10 GB', (path: string) => sparse(path, 10e9)],
    ['a folder', (path: string) => mkdirSync(path)],
  ] as const;

  it.each(ways)('neither waits nor fills the memory where its file is %s, and says so', (_name, make) => {
    appendRecord(paths, record(1));
    writeFileSync(join(root, 'target'), 'of somebody else');
    rmSync(file());
    make(file());
    expect(lastRecord(paths)).toMatchObject({ kind: 'unreadable' });
    expect(readJournal(paths)).toMatchObject({ kind: 'unreadable' });
    expect(() => appendRecord(paths, record(2))).toThrow();
    expect(readFileSync(join(root, 'target'), 'utf8')).toBe('of somebody else');
  });

  it.each(ways)('nor where what the last run left is %s', (_name, make) => {
    appendRecord(paths, record(1));
    make(join(directory(), 'last.json'));
    expect(readLastRun(paths)).toMatchObject({ kind: 'unreadable' });
  });

  it('takes a line only if every field is what it has to be', () => {
    appendRecord(paths, record(1));
    const bad = { ...open('x', null), seen: 5 };
    for (const more of [{ new: [bad] }, { who: { x: 'y' } }, { overrides: [5] }, { failure: {} }, { at: 'never' }])
      appendFileSync(file(), `${JSON.stringify({ ...record(2), ...more })}\n`);
    expect(read()).toMatchObject({ skipped: 5 });
    expect(seqs()).toEqual([1]);
  });

  it.skipIf(process.geteuid?.() !== 0)('does not tell root where to write metrics (not run: needs root)', async () => {
    const last = { ...firstRun, textfile: '/etc/cron.d/mine' };
    await writeLastRun(paths, last);
    expect(readLastRun(paths)).toMatchObject({ value: { textfile: '/etc/cron.d/mine' } });
    chownSync(directory(), 65_534, 65_534);
    expect(readLastRun(paths)).toMatchObject({ value: { textfile: null } });
  });

  it.skipIf(process.geteuid?.() !== 0)('is that user’s when root writes it (not run: needs root)', async () => {
    mkdirSync(directory(), { recursive: true });
    chmodSync(root, 0o755);
    chownSync(directory(), 65_534, 65_534);
    appendRecord(paths, record(1), 10);
    appendRecord(paths, record(2));
    await writeLastRun(paths, firstRun);
    for (const name of readdirSync(directory())) expect(statSync(join(directory(), name)).uid).toBe(65_534);
    expect(readdirSync(directory())).toHaveLength(3);
  });
});

function sparse(path: string, bytes: number): void {
  writeFileSync(path, '');
  truncateSync(path, bytes);
}

describe('what one run leaves for the next', () => {
  it('is read back as it was written', async () => {
    const last = { ...firstRun, seq: 7, open: [open('x', null)], toldAt: '2026-01-01T00:00:00.000Z' };
    await writeLastRun(paths, last);
    expect(readLastRun(paths)).toEqual({ kind: 'value', value: last });
  });
  it.each(['', '{', '[]', '{"format":2}', '{"format":1,"seq":1}', '{"format":1,"seq":1,"open":[{"id":1}]}'])(
    'counts as absent when it is %j: the journal knows the same',
    async (text) => {
      await writeLastRun(paths, firstRun);
      writeFileSync(join(directory(), 'last.json'), text);
      expect(readLastRun(paths)).toEqual({ kind: 'absent' });
    },
  );
});

describe('runs that were killed before they could tell', () => {
  const found = open('arp-ignore', 'eth0', { told: false });
  const first = record(1, { changedSeq: 1, new: [found] });
  it('what they found counts as not told', () => {
    const { last } = catchUp(firstRun, [first]);
    expect(last.open).toEqual([found]);
    expect(last.seq).toBe(1);
  });
  it('what is gone is told by the next, if it had been told before', () => {
    const told = { ...found, told: true, because: 'fixed' as const };
    const gone = record(2, { changedSeq: 2, gone: [told] });
    expect(catchUp({ ...firstRun, seq: 1, open: [{ ...found, told: true }] }, [gone]).goneUntold).toEqual([told]);
    expect(catchUp(firstRun, [first, record(2, { gone: [{ ...told, told: false }] })]).goneUntold).toEqual([]);
  });
  it('the journal alone is enough: told is what it says was told', () => {
    const second = record(2, { changedSeq: 2, told: 1, new: [open('vip-missing', 'x', { told: false })] });
    const { last, goneUntold } = rebuild([first, second]);
    expect(last.open.map(({ id, told }) => [id, told])).toEqual([
      ['arp-ignore@eth0', true],
      ['vip-missing@x', false],
    ]);
    expect(goneUntold).toEqual([]);
  });
});
