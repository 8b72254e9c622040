// The system calls of one run, and what may go wrong at each: what syscallfault.c counted, and what can happen there on a real machine.
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

export type Fault = 'EIO' | 'ENOSPC' | 'EMFILE' | 'kill-call' | 'kill-main' | 'kill-all';
const FAULTS: readonly Fault[] = ['EIO', 'ENOSPC', 'EMFILE', 'kill-call', 'kill-main', 'kill-all'];

export interface Call {
  /** Place in the run, from 1. */
  readonly at: number;
  /** The how manieth of this name that the program itself makes, or that its children make. */
  readonly nth: number;
  /** The program itself, or one that it started. */
  readonly by: 'main' | 'child';
  readonly program: string;
  readonly name: string;
  /** A path, or what the descriptor is. */
  readonly about: string;
}

export interface Case {
  readonly fault: Fault;
  readonly call: Call;
}

export const described = ({ at, by, program, name, about }: Call): string =>
  `call ${at}: ${by} ${program} ${name} ${about}`;

export function readCalls(log: string): readonly Call[] {
  const met = new Map<string, number>();
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [at, who, program = '', name = '', about = ''] = line.split('\t');
      const by = who === 'main' ? 'main' : 'child';
      const nth = (met.get(`${by} ${name}`) ?? 0) + 1;
      met.set(`${by} ${name}`, nth);
      return { at: Number(at), nth, by, program, name, about };
    });
}

/** What syscallfault is told. */
export function faultOptions({ fault, call }: Case): readonly string[] {
  const at = ['--nth', String(call.nth), '--by', call.by, '--name', call.name];
  if (fault === 'EIO' || fault === 'ENOSPC' || fault === 'EMFILE')
    return [...at, '--errno', String(constants.errno[fault])];
  return [...at, '--kill', fault.slice('kill-'.length), '--spare', 'rsprep-unconfirmed'];
}

const OPENS = /^(open|openat|openat\+create|openat\+process|socket|socketpair|pipe|pipe2|dup|memfd_create)$/;
const WRITES =
  /^(openat\+create|mkdir|mkdirat|write|pwrite64|writev|close\+write|fsync|fdatasync|ftruncate|fallocate|fchmod|rename|renameat|renameat2|link|linkat|symlink|symlinkat)$/;
const NETLINK = /^(sendto|sendmsg|recvfrom|recvmsg)$/;
// Closing what was only read has nothing left that could fail.
const NEVER_EIO =
  /^(close|close\+stream|close\+process|getcwd|lseek|dup|dup2|dup3|setsockopt|getsockopt|getsockname|bind|connect|socket|socketpair|pipe|pipe2|memfd_create)$/;

/**
 * Faults that this call can have on some machine. Node ends itself (abort(3)) where a pipe or an eventfd of its own loop fails with what
 * they never fail with, so those are only killed at.
 */
function faultsOf({ by, name, about }: Call): readonly Fault[] {
  const isFile = about.startsWith('/') && !about.startsWith('/dev/');
  const onDisk = isFile && !about.startsWith('/proc/');
  const isPath = !/^(pipe:|socket:|anon_inode:|descriptor |\/dev\/|\/memfd)/.test(about);
  return FAULTS.filter((fault) => {
    switch (fault) {
      case 'EIO':
        return NETLINK.test(name) ? by === 'child' : isPath && about !== '' && !NEVER_EIO.test(name);
      case 'ENOSPC':
        return WRITES.test(name) && onDisk;
      case 'EMFILE':
        return OPENS.test(name);
      case 'kill-main':
        return by === 'child';
      case 'kill-call':
      case 'kill-all':
        return true;
      default:
        throw new Error(`no such fault: ${fault satisfies never}`);
    }
  });
}

/** Every fault at every call. */
export const allCases = (calls: readonly Call[]): readonly Case[] =>
  calls.flatMap((call) => faultsOf(call).map((fault) => ({ fault, call })));

const CHANGES =
  /^(write$|write\+process|openat\+create|rename|unlink|link|symlink|mkdir|rmdir|f?truncate|fsync|fdatasync|fch|ch|fallocate|send|execve)/;
/** Of a program on its way to its first own call, or of a process that happens to run. */
const LOADS = /^\/(usr\/)?(lib|share)|^\/etc\/ld\.so|\.(cjs|cache|node)$|^\/proc\/\d/;

/**
 * Those whose outcome can differ: a kill between two calls that change something is the same wherever it falls, so it is tried at the
 * first call behind a change and at the next change; and reading a library can fail one way, however many reads that takes.
 */
export function distinctCases(calls: readonly Call[]): readonly Case[] {
  const kinds = new Set<string>();
  return allCases(calls).filter((one) => {
    const { call, fault } = one;
    if (fault.startsWith('kill') && !CHANGES.test(call.name) && !CHANGES.test(calls[call.at - 2]?.name ?? ''))
      return false;
    if (!LOADS.test(call.about)) return true;
    if (kinds.has(kindOf(one))) return false;
    kinds.add(kindOf(one));
    return true;
  });
}

/** Calls that differ in nothing but numbers count as one kind, such as the hundred reads of one program's libraries. */
const kindOf = ({ fault, call }: Case): string =>
  [fault, call.by, call.program, call.name, call.about.replaceAll(/[0-9a-f]*\d[0-9a-f]*/g, '#')].join(' ');

/** Of every hundred: kills can be had at every call, and one is much like another. */
const SHARES: Readonly<Record<Fault, number>> = {
  EIO: 40,
  ENOSPC: 15,
  EMFILE: 10,
  'kill-call': 20,
  'kill-main': 5,
  'kill-all': 10,
};

/** So many cases, of as many kinds as can be; the same for the same `random`. */
export function sample(cases: readonly Case[], size: number, random: () => number): readonly Case[] {
  return FAULTS.flatMap((fault) => {
    const ofFault = cases.filter((one) => one.fault === fault);
    return someOf(ofFault, Math.round((size * SHARES[fault]) / 100), random);
  });
}

function someOf(cases: readonly Case[], size: number, random: () => number): readonly Case[] {
  const kinds = new Map<string, Case[]>();
  for (const one of shuffled(cases, random)) kinds.set(kindOf(one), [...(kinds.get(kindOf(one)) ?? []), one]);
  const chosen: Case[] = [];
  for (let round = 0; chosen.length < Math.min(size, cases.length); round += 1)
    for (const kind of kinds.values()) {
      const next = kind[round];
      if (next !== undefined && chosen.length < size) chosen.push(next);
    }
  return chosen;
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const left = [...items];
  for (let i = left.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [left[i], left[j]];
    if (a !== undefined && b !== undefined) [left[i], left[j]] = [b, a];
  }
  return left;
}
