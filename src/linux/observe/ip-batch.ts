import { type Unreadable, unreadable } from '../../core/model/reading.ts';
import { type CommandResult, commandFailure, start } from '../process/command.ts';
import { parseArray, UnexpectedOutput } from './ip-json.ts';

type Json = ReturnType<typeof parseArray>;

export type BatchReading =
  /** One entry a command: its JSON array, or null where the kernel said no (no route, say). */
  { readonly kind: 'value'; readonly value: readonly (Json | null)[] } | Unreadable;

/** An `ip` that waits for its questions. */
export interface IpProcess {
  ask(commands: readonly string[]): void;
  /** @param required how many of the first commands must have an answer */
  answers(required: number, timeoutMs: number): BatchReading;
}

/**
 * One `ip` process for many questions. With -force it goes on after a command that fails, prints `Command failed -:LINE` and
 * exits 1 at the end; without, the first question about an unreachable address would end it (iproute2 lib/utils.c do_batch()).
 * It starts at once, and answers while we do something else.
 */
export function startIp(options: readonly string[]): IpProcess {
  const argv: [string, ...string[]] = ['ip', ...options, '-force', '-batch', '-'];
  const running = start(argv);
  let asked = 0;
  return {
    ask: (commands) => {
      asked = commands.length;
      running.send(`${commands.join('\n')}\n`);
    },
    answers: (required, timeoutMs) => toReading(running.finish(timeoutMs), argv.join(' '), asked, required),
  };
}

function toReading(result: CommandResult, command: string, asked: number, required: number): BatchReading {
  const failed = new Set(
    result.kind === 'failed'
      ? [...result.stderr.matchAll(/Command failed -:(\d+)/g)].map(([, line]) => Number(line))
      : [],
  );
  const unusable = (result.kind === 'failed' && failed.size === 0) || [...failed].some((line) => line <= required);
  if (result.kind !== 'ok' && (result.kind !== 'failed' || unusable)) {
    return unreadable('io', commandFailure(result, `cannot observe the kernel with \`${command}\``));
  }
  try {
    return { kind: 'value', value: distribute(result.stdout, asked, failed) };
  } catch (error) {
    if (error instanceof UnexpectedOutput) return unreadable('io', `cannot observe the kernel: ${error.message}`);
    throw error;
  }
}

/** One JSON array a line for each command that did not fail, in their order. */
function distribute(stdout: string, commands: number, failed: ReadonlySet<number>): readonly (Json | null)[] {
  const lines = stdout.split('\n').filter((line) => line.trim() !== '');
  if (lines.length !== commands - failed.size) {
    throw new UnexpectedOutput(
      `expected ${commands - failed.size} JSON arrays from \`ip -j -batch\`, received ${lines.length}`,
    );
  }
  let next = 0;
  return Array.from({ length: commands }, (_, index) => {
    if (failed.has(index + 1)) return null;
    next += 1;
    return parseArray(lines[next - 1] ?? '');
  });
}
