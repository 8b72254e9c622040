import type { CommandDoc, OptionDoc, ProgramDoc } from '../format/command-doc.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands/registry.ts';
import { EVERYWHERE, WHERE_LISTED } from './options/globals.ts';
import type { Argument, Option, Options } from './options/option.ts';

export const DESCRIPTION =
  'Prepares, proves and vouches for an LVS-DR real server: the VIP held silently on lo, and answered from.';
export const EXAMPLES = 'Examples:\n  rsprep plan\n  rsprep apply\n  rsprep verify';

/** From the same tables that the options are read by, so that what is generated cannot say anything else than the program does. */
export async function describeProgram(): Promise<ProgramDoc> {
  const commands: CommandDoc[] = [];
  for (const load of Object.values(COMMANDS)) commands.push(commandDoc(await load()));
  return {
    program: {
      ...{ name: 'rsprep', summary: '', description: DESCRIPTION, usage: '[options] [command]', after: EXAMPLES },
      ...{ options: optionDocs(WHERE_LISTED), arguments: [], commands },
    },
    globals: optionDocs(EVERYWHERE),
  };
}

function commandDoc(command: Command): CommandDoc {
  const { name, summary, description, argument, after = '' } = command;
  const commands = command.commands.filter(({ hidden }) => !hidden);
  const parts = ['[options]', commands.length > 0 ? '[command]' : null, argument?.name ?? null];
  return {
    ...{ name, description, after },
    summary: summary ?? firstSentence(description),
    usage: parts.filter((part) => part !== null).join(' '),
    options: [...optionDocs(command.options), ...optionDocs(listed(command))],
    arguments: argument === null ? [] : [argumentDoc(argument)],
    commands: commands.map(commandDoc),
  };
}

/** In one order, whatever a command writes first. */
const listed = ({ uses }: Command): Options =>
  Object.fromEntries(
    Object.keys(WHERE_LISTED).flatMap((name) =>
      Object.entries(uses).filter((entry): entry is [string, Option<unknown>] => entry[0] === name),
    ),
  );

const optionDocs = (options: Options): readonly OptionDoc[] =>
  Object.entries(options).map(([name, { short, value, bare, does }]) => ({
    short,
    long: `--${name}`,
    value: value === null ? null : bare ? `[${value.name}]` : `<${value.name}>`,
    description: does,
    choices: value?.choices ?? [],
    completes: value?.completes ?? null,
  }));

const argumentDoc = ({ name, value: { choices = [] } }: Argument<unknown>): CommandDoc['arguments'][number] => ({
  name: name.replace(/[^\w-]/g, ''),
  choices,
});

const firstSentence = (text: string): string => text.split(/[.:;] /)[0] ?? text;
