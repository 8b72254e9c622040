import { Command, CommanderError } from 'commander';
import { EXIT, PLUGIN } from '../core/report/exit-code.ts';
import { COMMANDS, calledCommand } from './commands/registry.ts';
import type { Io } from './context.ts';
import { addGlobals, UsageError } from './globals.ts';
import { VERSION } from './version.ts';

/** Parses argv and runs one command. Never throws for what a person did wrong. */
export async function runProgram(argv: readonly string[], io: Io): Promise<void> {
  const called = calledCommand(argv);
  const [word, topic = ''] = argv;
  if (word === 'help' && topic !== '' && !Object.hasOwn(COMMANDS, topic)) {
    io.err(`rsprep: help: expected a command, received ${JSON.stringify(topic)}\n  next: rsprep --help\n`);
    return io.setExitCode(EXIT.usage);
  }
  const program = await makeProgram(io, called === null ? Object.keys(COMMANDS) : [called]);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    // keepalived's misc_dynamic reads every status from 2 on as a weight: its checks only ever end with 0 or 1.
    const code = argv.includes('--keepalived') ? Math.min(usage(error, io), 1) : usage(error, io);
    io.setExitCode(called === 'check' && code !== EXIT.ok ? PLUGIN.unknown : code);
    if (called === 'check' && code !== EXIT.ok) io.out('RSPREP UNKNOWN - called in a way rsprep does not know\n');
  }
}

/** The command tree, or the part of it that is called; whole for help, completion and the man page. */
export async function makeProgram(io: Io, names: readonly string[] = Object.keys(COMMANDS)): Promise<Command> {
  const program = new Command('rsprep')
    .description(
      'Prepares, proves and vouches for an LVS-DR real server: the VIP held silently on lo, and answered from.',
    )
    .version(VERSION, '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .addHelpText('after', '\nExamples:\n  rsprep plan\n  rsprep apply\n  rsprep verify');
  addGlobals(program);
  for (const name of names) (await COMMANDS[name]?.())?.(program, io);
  for (const command of program.commands) harden(command, 'rsprep');
  return program;
}

function harden(command: Command, parent: string): void {
  const path = `${parent} ${command.name()}`;
  command.exitOverride().showHelpAfterError(`(${path} --help has examples)`);
  for (const child of command.commands) harden(child, path);
}

/** @throws what is not a usage error: that is a bug, and main.ts says so. */
function usage(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (UsageError.is(error)) {
    io.err(`rsprep: ${error.message}\n  next: rsprep --help\n`);
    return EXIT.usage;
  }
  throw error;
}
