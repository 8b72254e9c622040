import type { Command } from 'commander';
import { type DurationLimits, parseDuration } from '../core/duration.ts';

export interface GlobalOptions {
  readonly config: string;
  readonly root: string;
  readonly format: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly colour: boolean;
  readonly timeoutMs: number;
  readonly lockTimeoutMs: number;
}

export const DEFAULT_CONFIG = '/etc/rsprep/rsprep.yaml';
const DEFAULT_TIMEOUT_MS = 10_000;

/** Accepted before and after the command's name. */
export function addGlobals(command: Command): Command {
  return command
    .option('-c, --config <file>', `configuration; - reads standard input (default: ${DEFAULT_CONFIG})`)
    .option('--root <dir>', 'prefix for every file under /etc, /var, /run, /usr/lib (never /proc and /sys)')
    .option('--format <format>', 'text or json; verify and report also junit and prometheus')
    .option('-q, --quiet', 'only what went wrong')
    .option('-v, --verbose', 'every step and reason; log on standard error')
    .option('--no-color', 'no colours (so does NO_COLOR)')
    .option('--timeout <duration>', 'for one child process, such as 5s (default: 10s)')
    .option('--lock-timeout <duration>', 'how long to wait for another rsprep to end (default: 0s)');
}

/** The call itself is wrong: exit 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** By name: the part of the bundle that is compiled on use has a class of its own. */
  static is(error: unknown): error is UsageError {
    return error instanceof Error && error.name === 'UsageError';
  }
}

export function globalsOf(command: Command): GlobalOptions {
  const options: Record<string, unknown> = command.optsWithGlobals();
  const root = text(options.root) ?? '/';
  if (!root.startsWith('/'))
    throw new UsageError(`--root: expected an absolute directory, received ${JSON.stringify(root)}`);
  return {
    config: text(options.config) ?? DEFAULT_CONFIG,
    root,
    format: text(options.format) ?? 'text',
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    colour: options.color !== false,
    timeoutMs: duration(options.timeout, '--timeout') ?? DEFAULT_TIMEOUT_MS,
    lockTimeoutMs: duration(options.lockTimeout, '--lock-timeout') ?? 0,
  };
}

const text = (option: unknown): string | null => (typeof option === 'string' ? option : null);

const ANY: DurationLimits = { minMs: 0, maxMs: 3_660 * 86_400_000 };

/** By the one grammar of durations. @returns milliseconds, or null if not given. */
export function duration(option: unknown, name: string, limits = ANY): number | null {
  if (typeof option !== 'string') return null;
  const parsed = parseDuration(option, limits);
  if (parsed.kind === 'ok') return parsed.value;
  const { message, expected, hint } = parsed;
  throw new UsageError(`${name}: ${message}: expected ${expected}, received ${JSON.stringify(option)}; ${hint}`);
}

/** The formats a command knows. */
export function checkFormat(format: string, known: readonly string[]): void {
  if (!known.includes(format))
    throw new UsageError(`--format: expected ${known.join(' or ')}, received ${JSON.stringify(format)}`);
}
