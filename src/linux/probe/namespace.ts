import { closeSync } from 'node:fs';
import { failed, ok, type ProbeFailure, type Tried } from '../../probe/result.ts';
import { type CommandResult, change, commandCause, commandFailure } from '../process/command.ts';
import { type Packets, systemFailure } from './native.ts';

/** A network namespace that only this process's descriptor keeps: it ends with the process, and its devices with it. */
export interface Namespace {
  readonly fd: number;
  /** A name of it for children and for `ip … netns`. */
  readonly path: string;
  /** `ip` commands inside, one a line. */
  ip(lines: readonly string[], options?: { readonly lenient: boolean }): Promise<Tried<string>>;
  /** The same in the namespace of this process. */
  outside(argv: readonly [string, ...string[]], input?: string): Promise<Tried<string>>;
  close(): void;
}

export function openNamespace(packets: Packets, timeoutMs: number, lockFd: number | null): Tried<Namespace> {
  const fd = packets.newNamespace();
  if (fd < 0) return failed(systemFailure('a network namespace cannot be made', fd));
  const path = `/proc/${process.pid}/fd/${fd}`;
  const run = async (argv: readonly [string, ...string[]], input: string, lenient: boolean): Promise<Tried<string>> => {
    const result = await change(argv, { input, timeoutMs, lockFd });
    if (result.kind === 'ok' || (lenient && result.kind === 'failed')) return ok(result.stdout);
    return failed(toFailure(argv, result));
  };
  return ok({
    fd,
    path,
    ip: (lines, options) => {
      const argv = ['nsenter', `--net=${path}`, 'ip', '-force', '-j', '-batch', '-'] as const;
      return run(argv, `${lines.join('\n')}\n`, options?.lenient ?? false);
    },
    outside: (argv, input = '') => run(argv, input, false),
    close: () => closeSync(fd),
  });
}

const toFailure = (argv: readonly string[], result: Exclude<CommandResult, { kind: 'ok' }>): ProbeFailure => ({
  kind: commandCause(result) === 'privilege' ? 'permission' : 'failed',
  message: commandFailure(result, `\`${argv.join(' ').slice(0, 200)}\``),
  next: argv[0] === 'tc' ? 'the kernel needs act_mirred, sch_ingress and cls_u32 or cls_matchall' : 'run this as root',
});
