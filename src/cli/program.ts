import { Command as CommanderCommand, CommanderError } from 'commander';
import { EXIT, PLUGIN } from '../core/report/exit-code.ts';
import { ownText, safe } from '../format/safe-text.ts';
import { addCommand, addGlobals, complaint, plainWords } from './commander.ts';
import { COMMANDS, calledCommand } from './commands/registry.ts';
import { type Io, makeContext } from './context.ts';
import { DESCRIPTION, describeProgram, EXAMPLES } from './describe.ts';
import { readGlobals } from './options/globals.ts';
import { UsageError } from './usage-error.ts';
import { VERSION } from './version.ts';

/** Parses argv and runs one command. Never throws for what a person did wrong. */
export async function runProgram(argv: readonly string[], io: Io): Promise<void> {
  const called = calledCommand(argv);
  const [word, topic = ''] = argv;
  if (word === 'help' && topic !== '' && !Object.hasOwn(COMMANDS, topic)) {
    io.err(safe`rsprep: help: expected a command, received ${JSON.stringify(topic)}\n  next: rsprep --help\n`);
    return io.setExitCode(EXIT.usage);
  }
  const program = await makeProgram(io, called === null ? namesFor(word) : [called]);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    // keepalived's misc_dynamic reads every status from 2 on as a weight: its checks only ever end with 0 or 1.
    const code = argv.includes('--keepalived') ? Math.min(usage(error, io), 1) : usage(error, io);
    io.setExitCode(called === 'check' && code !== EXIT.ok ? PLUGIN.unknown : code);
    // The first line of standard output is all that a monitoring system shows.
    if (called === 'check' && code !== EXIT.ok)
      io.out(safe`RSPREP UNKNOWN - wrong call: ${messageOf(error).replaceAll('|', '/')}\n`);
  }
}

/** The version is the same whatever the commands are. */
const namesFor = (word: string | undefined): readonly string[] =>
  word === '--version' || word === '-V' ? [] : Object.keys(COMMANDS);

/** The command tree on commander, or the part of it that is called; whole for help. */
async function makeProgram(io: Io, names: readonly string[]): Promise<CommanderCommand> {
  const program = new CommanderCommand('rsprep')
    .description(DESCRIPTION)
    .version(VERSION, '-V, --version')
    .exitOverride()
    .showHelpAfterError('  next: rsprep --help')
    .configureOutput({
      // Help, and where to find it: ours as a whole. What it says of the words that were typed goes another way.
      writeOut: (text) => io.out(ownText(text)),
      writeErr: (text) => io.err(ownText(text)),
      outputError: (text, write) => write(complaint(text, 'rsprep')),
    })
    .addHelpText('after', `\n${EXAMPLES}`);
  addGlobals(program);
  for (const name of names) {
    const command = await COMMANDS[name]?.();
    if (command === undefined) continue;
    addCommand(program, command, `rsprep ${name}`, async (spec, given, words) => {
      const context = makeContext(io, readGlobals(given, spec.uses), describeProgram);
      await spec.run?.(context, given, words);
    });
  }
  return program;
}

const messageOf = (error: unknown): string => plainWords(error instanceof Error ? error.message : String(error));

/** @throws what is not a usage error: that is a bug, and main.ts says so. */
function usage(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) {
    const command = error.command ?? 'rsprep';
    io.err(safe`${command}: ${error.message}\n  next: ${command} --help\n`);
    return EXIT.usage;
  }
  throw error;
}
