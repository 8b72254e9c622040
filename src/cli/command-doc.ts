import type { Command, Option } from 'commander';
import type { CommandDoc, OptionDoc } from '../format/command-doc.ts';
import type { Io } from './context.ts';
import { addGlobals } from './globals.ts';
import { makeProgram } from './program.ts';

export interface ProgramDoc {
  readonly program: CommandDoc;
  /** Options that every command takes; they are left out of the commands' own. */
  readonly globals: readonly OptionDoc[];
}

/** Reads commander's own tree, so that what is generated cannot say anything else than the program does. */
export async function programDoc(io: Io): Promise<ProgramDoc> {
  const program = await makeProgram(io);
  const { Command: Tree } = await import('commander');
  const globals = addGlobals(new Tree('globals')).options.map(optionDoc);
  const shared = new Set(globals.map(({ long }) => long));
  return { program: commandDoc(program, shared), globals };
}

function commandDoc(command: Command, shared: ReadonlySet<string | null>): CommandDoc {
  const help = command.createHelp();
  return {
    name: command.name(),
    summary: command.summary() || firstSentence(command.description()),
    description: command.description(),
    usage: command.usage(),
    options: command.options.map(optionDoc).filter(({ long }) => !shared.has(long)),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      choices: argument.argChoices ?? [],
    })),
    commands: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => commandDoc(child, shared)),
    after: afterText(command),
  };
}

const optionDoc = ({ short, long, flags, description, argChoices }: Option): OptionDoc => ({
  short: short ?? null,
  long: long ?? null,
  value: /[<[].*/.exec(flags)?.[0] ?? null,
  description,
  choices: argChoices ?? [],
});

/** What `addHelpText('after', …)` adds. Commander keeps no text, so the help is printed and its beginning cut off. */
function afterText(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.slice(command.helpInformation().length).trim();
}

const firstSentence = (text: string): string => text.split(/[.:;] /)[0] ?? text;
