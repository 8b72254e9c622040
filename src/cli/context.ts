import type { ProgramDoc } from '../format/command-doc.ts';
import type { SafeText } from '../format/safe-text.ts';
import { makeStyle, type Style, wantsColour } from '../format/style.ts';
import { Paths } from '../linux/files/paths.ts';
import type { HostOptions } from '../linux/ports/host.ts';
import type { GlobalOptions } from './options/globals.ts';

/** What a command gets from main.ts: where to write, how to hear of signals. Nothing else is global. */
export interface Io {
  out(text: SafeText): void;
  err(text: SafeText): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** The interpreter and this program's file: how to start it again. */
  readonly self: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From now on the first SIGINT or SIGTERM only sets a flag; a second one ends the process at once. */
  deferSignals(): () => boolean;
  /** For a command that runs until it is stopped: called on every SIGINT and SIGTERM. */
  onStop(handler: () => void): void;
  /** The last thing a command does. */
  setExitCode(code: number): void;
}

export interface Context {
  readonly io: Io;
  readonly globals: GlobalOptions;
  readonly paths: Paths;
  readonly hostOptions: HostOptions;
  readonly style: Style;
  /** The whole program: for what is made from it, and without it knowing the commands that make it. */
  readonly describeProgram: () => Promise<ProgramDoc>;
}

export function makeContext(io: Io, globals: GlobalOptions, describeProgram: () => Promise<ProgramDoc>): Context {
  return {
    io,
    globals,
    paths: new Paths(globals.root),
    hostOptions: { timeoutMs: globals.timeoutMs, self: io.self },
    style: makeStyle(wantsColour(io.outIsTerminal, io.env, globals.colour)),
    describeProgram,
  };
}
