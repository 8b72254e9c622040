import { constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { closeQuietly } from './close.ts';
import { causeOf, errorCode, errorText, isAbsent } from './errors.ts';

export interface ReadLimits {
  /** More than any file of this kind has. */
  readonly mostBytes?: number;
  /** Whether a link at the end is refused: in a folder where another user writes, it may lead to anything that only root can read. */
  readonly noLink?: boolean;
}

/** More than what people write by hand, and than what the kernel says about itself. */
const MOST_BYTES = 4 << 20;

/**
 * A text file's content, in bounded time and memory: what is no regular file is not read, and nobody is waited for. An empty file is what
 * a link to /dev/null is, as systemd and others see it.
 */
export function readText(path: string, limits: ReadLimits = {}): Reading<string> {
  const bytes = readBytes(path, limits);
  return bytes.kind === 'value' ? value(bytes.value.toString('utf8')) : bytes;
}

/** The same, as bytes. */
export function readBytes(path: string, { mostBytes = MOST_BYTES, noLink = false }: ReadLimits = {}): Reading<Buffer> {
  let fd: number | null = null;
  try {
    fd = openSync(
      path,
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | (noLink ? constants.O_NOFOLLOW : 0),
    );
    return readOpen(fd, path, mostBytes);
  } catch (error) {
    return failed(path, error);
  } finally {
    if (fd !== null) closeQuietly(fd);
  }
}

function readOpen(fd: number, path: string, mostBytes: number): Reading<Buffer> {
  const stats = fstatSync(fd);
  if (isNull(stats)) return value(Buffer.alloc(0));
  if (!stats.isFile()) return unreadable('io', `${path}: it is ${kindOf(stats)}, not a file`);
  if (stats.size > mostBytes) return unreadable('io', tooLarge(path, mostBytes));
  return readToEnd(fd, stats.size, mostBytes) ?? unreadable('io', tooLarge(path, mostBytes));
}

/** To its end, not to the size that fstat saw: files of the kernel have none, and others may be growing. @returns null where it is too large */
function readToEnd(fd: number, size: number, mostBytes: number): Reading<Buffer> | null {
  let buffer = Buffer.allocUnsafe(size > 0 ? size + 1 : FIRST_BYTES);
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) return value(buffer.subarray(0, length));
    length += count;
    if (length > mostBytes) return null;
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)]);
  }
}

const FIRST_BYTES = 16 * 1024;

function failed(path: string, error: unknown): Reading<never> {
  const code = errorCode(error) ?? '';
  // Something is there, and not what has to be: that is no file system on which there is simply no such file.
  if (code === 'ENOTDIR' && !/^\/(proc|sys)\//.test(path))
    return unreadable('io', `${path}: a folder on the way to it is none`);
  // A socket and a device without a driver say so (open(2)); in /proc it is the interface that has vanished.
  if (['ENXIO', 'ENODEV'].includes(code) && !/^\/(proc|sys)\//.test(path))
    return unreadable('io', `${path}: it is a socket or a device, not a file`);
  return isAbsent(error) ? absent : unreadable(causeOf(error), `${path}: ${errorText(error)}`);
}

/** null(4): major 1, minor 3. */
const isNull = (stats: Stats): boolean => stats.isCharacterDevice() && stats.rdev === 0x103;

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isDirectory()) return 'a folder';
  return 'a device';
}

const tooLarge = (path: string, mostBytes: number): string =>
  `${path}: it is larger than ${mostBytes >> 20} MiB, which no such file is`;
