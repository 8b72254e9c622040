import { type Command as CommanderCommand, Option as CommanderOption } from 'commander';
import { safe } from '../format/safe-text.ts';
import type { Command } from './command.ts';
import { EVERYWHERE, GLOBALS, WHERE_LISTED } from './options/globals.ts';
import type { Option, Options } from './options/option.ts';
import { type Given, requireTogether } from './options/read.ts';
import { UsageError } from './usage-error.ts';

/** Called with all that was typed for one command, in the order of its declaration. */
export type Call = (command: Command, given: Given, words: readonly string[]) => Promise<void>;

/** Puts a command onto commander, which finds it, splits the line into words and prints help. Reading the words is ours. */
export function addCommand(parent: CommanderCommand, spec: Command, path: string, call: Call): void {
  const commander = parent
    .command(spec.name, { hidden: spec.hidden })
    .description(spec.description)
    .exitOverride()
    .showHelpAfterError(`  next: ${path} --help`)
    .configureOutput({ outputError: (text, write) => write(complaint(text, path)) });
  if (spec.summary !== undefined) commander.summary(spec.summary);
  if (spec.argument) commander.argument(spec.argument.name, spec.argument.does);
  if (spec.after !== undefined) commander.addHelpText('after', `\n${spec.after}`);
  for (const child of spec.commands) addCommand(commander, child, `${path} ${child.name}`, call);
  if (spec.run === null) return;
  addOptions(commander, spec.options);
  addGlobals(commander, { ...spec.uses, ...EVERYWHERE });
  commander.action(async (...received: unknown[]) => {
    try {
      const given = collect(spec, commander);
      requireTogether({ ...spec.options, ...spec.uses }, given);
      await call(spec, given, wordsOf(received));
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(error.message, path) : error;
    }
  });
}

/** What commander says of a wrong call: it repeats words as they were typed, so it is one line, and nothing in it steers. */
export const complaint = (text: string, path: string): string => safe`${path}: ${plainWords(text)}\n`.toString();

/** Without its prefix, and with its suggestion, which it writes on a line of its own, on the same line. */
export const plainWords = (text: string): string =>
  text
    .replace(/^error: /, '')
    .replace(/\n?\(Did you mean ([^\n]*)\)\n?$/, ' (did you mean $1)')
    .replace(/\n$/, '');

/** All are taken everywhere, so that their misuse can be explained; help shows those that mean something. */
export function addGlobals(commander: CommanderCommand, shown: Options = GLOBALS): CommanderCommand {
  addOptions(commander, shown);
  for (const [name, option] of Object.entries(WHERE_LISTED))
    if (!Object.hasOwn(shown, name)) commander.addOption(toCommander(name, option).hideHelp());
  return commander;
}

function addOptions(commander: CommanderCommand, options: Options): void {
  for (const [name, option] of Object.entries(options)) commander.addOption(toCommander(name, option));
}

function toCommander(name: string, { short, value, bare, does }: Option<unknown>): CommanderOption {
  const word = value === null ? '' : bare ? ` [${value.name}]` : ` <${value.name}>`;
  const option = new CommanderOption(`${short === null ? '' : `${short}, `}--${name}${word}`, does);
  if (value === null) return option;
  // Every word of it, as it was typed: what it means is read by our own table.
  return option.argParser((typed, before) => [...(Array.isArray(before) ? before : []), typed]);
}

/** What was typed at this command, and the global options that were typed before its name: the nearest one counts. */
function collect(spec: Command, commander: CommanderCommand): Given {
  const given = new Map<string, readonly string[]>();
  for (const name of Object.keys(spec.options)) {
    const words = typedAt(commander, name);
    if (words !== null) given.set(name, words);
  }
  for (let at: CommanderCommand | null = commander; at !== null; at = at.parent) {
    for (const name of Object.keys(GLOBALS)) {
      const words = given.has(name) ? null : typedAt(at, name);
      if (words !== null) given.set(name, words.slice(-1));
    }
    if (at !== commander) refuseMisplaced(at);
  }
  return given;
}

/** `rsprep lab --keep down`: an option of lab, which is not what is called. */
function refuseMisplaced(commander: CommanderCommand): void {
  for (const { long } of commander.options) {
    const name = long?.slice(2) ?? '';
    if (!Object.hasOwn(GLOBALS, name) && name !== 'version' && typedAt(commander, name) !== null)
      throw new UsageError(`--${name}: expected only without a subcommand of ${commander.name()}, received one`);
  }
}

/** The words after an option; none for a switch; null where it was not typed. */
function typedAt(commander: CommanderCommand, name: string): readonly string[] | null {
  const key = commander.options.find(({ long }) => long === `--${name}`)?.attributeName();
  if (key === undefined || commander.getOptionValueSource(key) !== 'cli') return null;
  const value: unknown = commander.getOptionValue(key);
  return Array.isArray(value) ? value : [];
}

/** Commander hands over each argument, then its options and itself. */
const wordsOf = (received: readonly unknown[]): readonly string[] =>
  received
    .slice(0, -2)
    .flat()
    .filter((word) => typeof word === 'string');
