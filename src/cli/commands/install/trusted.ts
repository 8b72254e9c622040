import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { type Distrust, distrustFile, resolveTrusted, type Subject, trustedOwners } from '../../../config/trust.ts';
import { errorCode, errorText, isAbsent } from '../../../linux/files/errors.ts';
import type { Paths } from '../../../linux/files/paths.ts';
import { read } from '../../../linux/process/command.ts';

/** What root's units would run is not to be believed. */
export class Untrusted extends Error {
  readonly why: Distrust;
  constructor(why: Distrust) {
    super(why.message);
    this.why = why;
  }
}

const PROGRAM: Subject = {
  name: "rsprep's own file",
  otherwise: 'install from a copy that root made, such as /root/rsprep',
};
const NODE: Subject = { name: 'the Node.js', otherwise: 'name another with --node' };
/** Oldest that the program runs with. */
const OLDEST_NODE = 20;

/**
 * A file that root's units will run, or its copy: as strict as for the configuration, and read from the very descriptor that was looked at.
 * @returns its path without links, and its content
 * @throws Untrusted, or the system's error
 */
export function readTrusted(file: string): { readonly path: string; readonly content: Buffer } {
  const owners = trustedOwners();
  const resolved = resolveTrusted(file, owners, '/', PROGRAM);
  if (resolved.kind === 'distrusted') throw new Untrusted(resolved.why);
  const fd = openSync(resolved.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    const why = stats.isFile() ? distrustFile(resolved.path, stats, owners, PROGRAM) : noFile(file, PROGRAM);
    if (why !== null) throw new Untrusted(why);
    return { path: resolved.path, content: readFileSync(fd) };
  } finally {
    closeSync(fd);
  }
}

/**
 * Whether root's units may run this interpreter. Below a `--root` the one in there counts; where there is none yet, this machine's.
 * @returns why not; null where they may
 */
export function distrustNode(paths: Paths, node: string): Distrust | null {
  const inside = `${paths.root}${node}`;
  if (paths.root !== '/' && isThere(paths.at(node))) return distrustProgram(inside, paths.root);
  return distrustProgram(node, '/') ?? tooOld(node);
}

function distrustProgram(file: string, root: string): Distrust | null {
  const owners = trustedOwners();
  try {
    const resolved = resolveTrusted(file, owners, root, NODE);
    if (resolved.kind === 'distrusted') return resolved.why;
    const stats = statSync(resolved.path);
    if (!stats.isFile() || (stats.mode & 0o111) === 0) return noFile(file, NODE);
    return distrustFile(resolved.path, stats, owners, NODE);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return { ...noFile(file, NODE), received: errorText(error) };
  }
}

const noFile = (file: string, { name, otherwise }: Subject): Distrust => ({
  message: `${name} ${file} cannot be used`,
  expected: name === NODE.name ? 'a program that can be run' : 'a regular file',
  received: 'something else',
  hint: otherwise,
});

function tooOld(node: string): Distrust | null {
  const result = read([node, '--version'], { timeoutMs: 20_000 });
  const said = result.kind === 'ok' ? result.stdout.trim() : '';
  const major = Number(/^v(\d+)\./.exec(said)?.[1] ?? 0);
  if (major >= OLDEST_NODE) return null;
  const received = said === '' ? `what does not answer to \`${node} --version\`` : said.slice(0, 40);
  return { ...noFile(node, NODE), expected: `Node.js ${OLDEST_NODE} or newer`, received };
}

function isThere(path: string): boolean {
  try {
    return (statSync(path) satisfies Stats) !== undefined;
  } catch (error) {
    if (isAbsent(error)) return false;
    if (errorCode(error) === null) throw error;
    return true; // whoever uses it is told why it cannot be
  }
}
