/** The command tree as plain values: what the man page and the completions are made from. */
export interface CommandDoc {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** What follows the name, such as `[options] <host>`. */
  readonly usage: string;
  readonly options: readonly OptionDoc[];
  /** Positional words with a fixed set of values, for completion. */
  readonly arguments: readonly { readonly name: string; readonly choices: readonly string[] }[];
  readonly commands: readonly CommandDoc[];
  /** Exit status, examples and the like, as help prints it. */
  readonly after: string;
}

export interface OptionDoc {
  readonly short: string | null;
  readonly long: string | null;
  /** `<file>`, or null for a switch. */
  readonly value: string | null;
  readonly description: string;
  readonly choices: readonly string[];
  /** What a shell can complete its value with, where there are no choices. */
  readonly completes: 'file' | 'directory' | null;
}

export interface ProgramDoc {
  readonly program: CommandDoc;
  /** Options that every command takes; they are left out of the commands' own. */
  readonly globals: readonly OptionDoc[];
}
