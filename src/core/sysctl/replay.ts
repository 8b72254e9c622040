import { globToRegExp } from '../model/glob.ts';
import type { FoundFile, SysctlFiles } from '../model/surroundings.ts';

/** Who reads the files: `systemd-sysctl` at boot and for every new interface, or `sysctl --system` of procps. */
export type Reader = 'systemd' | 'procps';

/** The line that would win. */
export interface Winner {
  readonly value: number;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

interface Assignment {
  /** Slash form below /proc/sys; a glob where it has wildcards. */
  readonly key: string;
  /** Null for `-key` without a value: that key is not set by globs. */
  readonly value: string | null;
  readonly glob: boolean;
  readonly file: string;
  readonly line: number;
}

/** Earlier directories hide files of the same name in later ones: the same in both readers (measured, systemd 252, procps 4.0.2). */
const DIRECTORIES = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d', '/lib/sysctl.d'];
export const SYSCTL_DIRECTORIES: readonly string[] = DIRECTORIES;
/** systemd-sysctl sees it only through a link in a sysctl.d; procps reads it last, so no name in sysctl.d beats it. */
export const SYSCTL_CONF = '/etc/sysctl.conf';

/**
 * What the next boot would set, by replaying the files. sysctl.d(5), sysctl(8) --system; every rule below was measured with
 * both programs.
 * @returns the winning line for a key in slash form, or null when no file sets it
 */
export function replay({ files }: SysctlFiles, reader: Reader): (key: string) => Winner | null {
  const assignments = inOrder(files, reader).flatMap(parse);
  const globs = assignments.filter(({ glob, value }) => glob && value !== null).map(withPattern);
  const explicit = new Map<string, Assignment>();
  const excluded = new Set<string>();
  for (const assignment of assignments) {
    if (assignment.glob) continue;
    if (assignment.value === null) excluded.add(assignment.key);
    // procps takes `-key` for a word to globs alone; to systemd it is the later of two lines for one key.
    if (assignment.value !== null || reader === 'systemd') explicit.set(assignment.key, assignment);
  }
  return (key) => {
    const own = explicit.get(key);
    // Explicit keys are excluded from globs, wherever they stand; of several globs the last wins.
    const found = own ?? (excluded.has(key) ? undefined : globs.findLast(({ pattern }) => pattern.test(key)));
    return found === undefined || found.value === null ? null : toWinner(found, found.value);
  };
}

/** The kernel's proc_dointvec stops at white space, so that `1 # why` sets 1. */
function toWinner({ file, line }: Assignment, value: string): Winner | null {
  const number = /^[+-]?\d+/.exec(value.trim());
  return number ? { value: Number(number[0]), file, line } : null;
}

/** Sorted by file name, whatever the directory: /usr/lib/sysctl.d/99-x.conf comes after /etc/sysctl.d/90-y.conf. */
function inOrder(files: readonly FoundFile[], reader: Reader): readonly FoundFile[] {
  const byName = new Map<string, FoundFile>();
  for (const directory of DIRECTORIES) {
    for (const file of files) {
      const slash = file.path.lastIndexOf('/');
      const name = file.path.slice(slash + 1);
      if (file.path.slice(0, slash) !== directory || byName.has(name)) continue;
      byName.set(name, file);
    }
  }
  const sorted = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  const last = reader === 'procps' ? files.filter(({ path }) => path === SYSCTL_CONF) : [];
  return [...sorted, ...last];
}

function parse({ path, content }: FoundFile): readonly Assignment[] {
  if (content.kind !== 'value') return [];
  return content.value.split('\n').flatMap((text, index): readonly Assignment[] => {
    const line = text.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) return [];
    const equals = line.indexOf('=');
    if (equals < 0 && !line.startsWith('-')) return [];
    const left = equals < 0 ? line : line.slice(0, equals);
    const key = normalise(left.replace(/^-/, '').trim());
    const value = equals < 0 ? null : line.slice(equals + 1).trim();
    return [{ key, value, glob: /[*?[]/.test(key), file: path, line: index + 1 }];
  });
}

/** If the first separator is a slash the key is as it is; if it is a dot, dots and slashes change places (sysctl.d(5)). */
function normalise(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  const swapped = first === '.' ? key.replace(/[./]/g, (c) => (c === '.' ? '/' : '.')) : key;
  return swapped.replace(/^\/+/, '');
}

const withPattern = (assignment: Assignment): Assignment & { readonly pattern: RegExp } => ({
  ...assignment,
  pattern: globToRegExp(assignment.key, { slash: false }),
});
