import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { decodeConfig, MAX_CONFIG_BYTES, tooLarge } from './bytes.ts';
import { type ParseOptions, type ParseResult, parseConfig } from './load.ts';
import { formatProblem } from './problem.ts';
import { quote } from './quote.ts';
import { type Distrust, distrustFile, resolveTrusted, shellQuote, type TrustedOwners, trustedOwners } from './trust.ts';

export type LoadResult =
  | (Extract<ParseResult, { kind: 'ok' }> & { readonly source: string })
  | (Extract<ParseResult, { kind: 'invalid' }> & { readonly source: string })
  /** The file was not read, or is not to be believed. */
  | { readonly kind: 'refused'; readonly source: string; readonly why: Distrust };

export interface LoadOptions extends ParseOptions {
  /** Standard input, for `-`. */
  readonly stdin?: AsyncIterable<Uint8Array | string>;
  readonly owners?: TrustedOwners;
}

/**
 * Reads and parses the configuration for a command; everything but `ok` is exit code 78. `-` is standard input. A path under
 * /etc, /var, /run or /usr/lib is taken below `root` (`--root`, normally `/`). Refuses a file that others may write or replace:
 * this program runs as root and does what the file says.
 */
export async function loadConfigFile(file: string, root: string, options: LoadOptions = {}): Promise<LoadResult> {
  const source = file === '-' ? 'stdin' : placeBelow(file, root);
  const read =
    file === '-'
      ? await readStream(options.stdin ?? process.stdin)
      : readTrustedFile(source, options.owners ?? trustedOwners(), path.normalize(root).replace(/(.)\/+$/, '$1'));
  if (read.kind === 'refused') return { ...read, source };
  if (read.kind === 'too-large') return { kind: 'invalid', source, errors: [tooLarge(source)] };
  const decoded = decodeConfig(read.bytes, source);
  if (decoded.kind === 'invalid') return { kind: 'invalid', source, errors: [decoded.error] };
  return { ...(await parseConfig(decoded.text, source, options)), source };
}

/** A refusal for the terminal. */
export const formatRefusal = (why: Distrust): string => formatProblem(why);

/** `--root` stands before the directories a package owns, and before nothing else: not before what already is below it. */
export const placeBelow = (file: string, root: string): string => {
  const normal = path.normalize(file);
  const isBelow = root !== '/' && normal.startsWith(`${path.normalize(root).replace(/\/+$/, '')}/`);
  return !isBelow && /^\/(?:etc|var|run|usr\/lib)(?:\/|$)/.test(normal) ? path.join(root, file) : file;
};

type ReadResult =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'refused'; readonly why: Distrust };

/**
 * The path is looked at first, the file only through the one descriptor that is then read. Nobody who is not trusted can change
 * what the path leads to in between: that is just what was looked at. O_NOFOLLOW: the end is no link any more. O_NONBLOCK: a
 * FIFO does not make it wait.
 */
function readTrustedFile(file: string, owners: TrustedOwners, root: string): ReadResult {
  let descriptor: number | undefined;
  try {
    const resolved = resolveTrusted(file, owners, root);
    if (resolved.kind === 'distrusted') return { kind: 'refused', why: resolved.why };
    descriptor = openSync(resolved.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return { kind: 'refused', why: notAFile(file, stats.isDirectory()) };
    const why = distrustFile(resolved.path, stats, owners);
    if (why !== null) return { kind: 'refused', why };
    return readAll(descriptor);
  } catch (error) {
    const why = cannotRead(file, error);
    if (why === null) throw error;
    return { kind: 'refused', why };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** To the end, not to the size that fstat saw: the file may be growing. */
function readAll(descriptor: number): ReadResult {
  let buffer = new Uint8Array(64 * 1024);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (count === 0) return { kind: 'bytes', bytes: buffer.subarray(0, length) };
    length += count;
    if (length > MAX_CONFIG_BYTES) return { kind: 'too-large' };
    if (length === buffer.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(buffer);
      buffer = larger;
    }
  }
}

async function readStream(stream: AsyncIterable<Uint8Array | string>): Promise<ReadResult> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
      chunks.push(bytes);
      length += bytes.length;
      if (length > MAX_CONFIG_BYTES) return { kind: 'too-large' };
    }
  } catch (error) {
    const why = cannotRead('stdin', error);
    if (why === null) throw error;
    return { kind: 'refused', why };
  }
  return { kind: 'bytes', bytes: Buffer.concat(chunks) };
}

const notAFile = (file: string, isDirectory: boolean): Distrust => ({
  message: `the configuration ${quote(file)} is not a file`,
  expected: 'a regular file',
  received: isDirectory ? 'a directory' : 'a device, socket or pipe',
  hint: isDirectory ? `name the file, such as ${path.join(file, 'rsprep.yaml')}` : 'give the text with "--config -"',
});

const SMALLEST = "printf 'version: 1\\nvips:\\n  - 192.0.2.10\\n'";

/** The system's refusals; null for an error that no file can cause, which is a bug. */
function cannotRead(file: string, error: unknown): Distrust | null {
  const code = (error as NodeJS.ErrnoException).code;
  const [name, shell] = [quote(file), shellQuote(file)];
  const user = process.geteuid?.() ?? 0;
  switch (code) {
    case 'ENOENT':
      // What a shell makes of <(…), and /dev/stdin, lead to a pipe that has no path.
      if (/^\/(dev|proc)\//.test(file)) return notAFile(file, false);
      return {
        message: `there is no configuration ${name}`,
        expected: 'a file with the VIPs of this host',
        received: 'no such file',
        hint: `make one (${SMALLEST} > ${shell}), or name another with --config FILE`,
      };
    case 'EACCES':
    case 'EPERM':
      return {
        message: `the configuration ${name} cannot be read`,
        expected: `permission for user ${user}`,
        received: code,
        hint: `chmod a+r ${shell} and a+x on its directories (it holds no secrets), or run as root`,
      };
    case 'ENOTDIR':
    case 'ELOOP':
    case 'ENAMETOOLONG':
    case 'EISDIR':
    case 'EIO':
    case 'ENXIO':
      return {
        message: `the configuration ${name} cannot be read`,
        expected: 'a file that can be opened',
        received: code,
        hint: `see "namei -l ${shell}" for each step of the path`,
      };
    default:
      return typeof code === 'string' && code.startsWith('E') && !code.startsWith('ERR_')
        ? {
            message: `the configuration ${name} cannot be read`,
            expected: 'a file that can be read',
            received: code,
            hint: 'check the file system',
          }
        : null;
  }
}
