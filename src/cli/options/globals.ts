import type { DurationLimits } from '../../core/duration.ts';
import { CONFIG_PATH } from '../../core/model/desired.ts';
import { UsageError } from '../usage-error.ts';
import { flag, type Option, type Options, optional, withDefault } from './option.ts';
import { type Given, readOptions } from './read.ts';
import { absoluteDirectory, duration, file, inWords, oneOf } from './value.ts';

export type Format = 'text' | 'json' | 'junit' | 'prometheus';
const FORMATS: readonly Format[] = ['text', 'json', 'junit', 'prometheus'];
const DEFAULT_TIMEOUT_MS = 10_000;
const HOUR_MS = 3_600_000;
const TIMEOUT: DurationLimits = { minMs: 1, maxMs: HOUR_MS };
const LOCK_TIMEOUT: DurationLimits = { minMs: 0, maxMs: 24 * HOUR_MS };

/** Every command takes these, before and after its name, also where they change nothing. */
export const EVERYWHERE = {
  config: withDefault(file, CONFIG_PATH, `configuration; - reads standard input (default: ${CONFIG_PATH})`, {
    short: '-c',
  }),
  root: withDefault(
    absoluteDirectory,
    '/',
    'prefix for every file under /etc, /var, /run, /usr/lib (never /proc and /sys)',
  ),
  quiet: flag('only what went wrong', { short: '-q' }),
  verbose: flag('every step and reason; log on standard error', { short: '-v' }),
  'no-color': flag('no colours (so does NO_COLOR)'),
} satisfies Options;

/** Before and after the command's name too, but only of commands that have them: refused elsewhere. */
export interface Uses {
  readonly format?: Option<Format>;
  readonly timeout?: Option<number>;
  readonly 'lock-timeout'?: Option<number>;
}

/** The first of them is what comes out without the option. */
export const formats = (...known: readonly [Format, ...Format[]]): Option<Format> =>
  withDefault(oneOf('format', known), known[0], `${inWords(known)} (default: ${known[0]})`);

type More = Parameters<typeof withDefault>[3];

export const timeout = (more: More = {}): Option<number> =>
  withDefault(duration(TIMEOUT), DEFAULT_TIMEOUT_MS, 'for one child process, such as 5s (default: 10s)', more);

/** For a command that waits for something else than a child process. */
export const timeoutOf = (ms: number, does: string, more: More = {}): Option<number> =>
  withDefault(duration(TIMEOUT), ms, does, more);

export const lockTimeout = (more: More & { readonly ms?: number; readonly text?: string } = {}): Option<number> =>
  withDefault(
    duration(LOCK_TIMEOUT),
    more.ms ?? 0,
    `how long to wait for another rsprep to end (default: ${more.text ?? '0s'})`,
    more,
  );

/** For the help of `rsprep` itself; which words are taken is for the command to say. */
export const WHERE_LISTED = {
  format: optional(oneOf('format', FORMATS), 'form of the result, of commands that list it in their help'),
  timeout: optional(duration(TIMEOUT), 'how long to wait for others, of commands that list it'),
  'lock-timeout': optional(duration(LOCK_TIMEOUT), 'how long to wait for another rsprep, of commands that list it'),
} satisfies Options;

export const GLOBALS: Options = { ...EVERYWHERE, ...WHERE_LISTED };

/** Those that every command takes, and what the others are, or would be, for the command that was called. */
export interface GlobalOptions {
  readonly config: string;
  readonly root: string;
  readonly format: Format;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly colour: boolean;
  readonly timeoutMs: number;
  readonly lockTimeoutMs: number;
}

/** @throws UsageError also for what this command has no use for */
export function readGlobals(given: Given, uses: Uses): GlobalOptions {
  for (const name of Object.keys(WHERE_LISTED))
    if (given.has(name) && !Object.hasOwn(uses, name))
      throw new UsageError(
        `--${name}: expected no such option, which this command would do nothing with, received one`,
      );
  const { config, root, quiet, verbose, 'no-color': noColour } = readOptions(EVERYWHERE, given);
  const read = readOptions(
    {
      format: uses.format ?? formats('text'),
      timeout: uses.timeout ?? timeout(),
      'lock-timeout': uses['lock-timeout'] ?? lockTimeout(),
    },
    given,
  );
  const { format, timeout: timeoutMs, 'lock-timeout': lockTimeoutMs } = read;
  return { config, root, format, quiet, verbose, colour: !noColour, timeoutMs, lockTimeoutMs };
}
