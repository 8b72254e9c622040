import type { CommandDoc, OptionDoc } from './command-doc.ts';

export interface ManInput {
  readonly program: CommandDoc;
  readonly globals: readonly OptionDoc[];
  /** Absolute path and what it is. */
  readonly files: readonly (readonly [path: string, what: string])[];
  readonly exitStatus: readonly (readonly [code: number, what: string])[];
}

/** man(7) source of rsprep(8). No date and no version in it: it changes only when the commands do. */
export function renderMan({ program, globals, files, exitStatus }: ManInput): string {
  return `${[
    `.\\" Generated from the commands: rsprep man`,
    '.TH RSPREP 8 "" "rsprep" "System Administration"',
    '.SH NAME',
    'rsprep \\- prepare, prove and vouch for an LVS-DR real server',
    '.SH SYNOPSIS',
    ...program.commands.flatMap((command) => ['.br', `\\fBrsprep ${roff(command.name)}\\fR ${roff(command.usage)}`]),
    '.SH DESCRIPTION',
    ...paragraph(program.description),
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => commandSection(command, `rsprep ${command.name}`)),
    '.SH OPTIONS OF EVERY COMMAND',
    ...globals.flatMap(option),
    '.SH EXIT STATUS',
    ...exitStatus.flatMap(([code, what]) => ['.TP', `.B ${code}`, roff(what)]),
    '.SH FILES',
    ...files.flatMap(([path, what]) => ['.TP', `.I ${roff(path)}`, roff(what)]),
    '.SH SEE ALSO',
    '.BR ip (8),',
    '.BR sysctl.d (5),',
    '.BR keepalived (8),',
    '.BR ipvsadm (8)',
  ].join('\n')}\n`;
}

function commandSection(command: CommandDoc, title: string): readonly string[] {
  return [
    `.SS ${roff(title)} ${roff(command.usage)}`,
    ...paragraph(command.description),
    ...command.options.flatMap(option),
    ...(command.after === '' ? [] : ['.PP', '.nf', ...command.after.split('\n').map(roff), '.fi']),
    ...command.commands.flatMap((child) => commandSection(child, `${title} ${child.name}`)),
  ];
}

function option({ short, long, value, description }: OptionDoc): readonly string[] {
  const names = [short, long].filter((name) => name !== null).map((name) => `\\fB${roff(name)}\\fR`);
  return ['.TP', `${names.join(', ')}${value === null ? '' : ` \\fI${roff(value)}\\fR`}`, roff(description)];
}

const paragraph = (text: string): readonly string[] => (text === '' ? [] : text.split('\n').map(roff));

/** man(7): a backslash begins an escape, a hyphen is a minus sign, a dot or quote at the line's beginning is a request. */
const roff = (text: string): string =>
  text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');
