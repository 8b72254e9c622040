import type { Context } from './context.ts';
import type { Uses } from './options/globals.ts';
import type { Argument, Options, ValuesOf } from './options/option.ts';
import { type Given, readOptions, readWords } from './options/read.ts';

/** All there is to say of a command. Its options, help, completion and man page are made from it, and nowhere else declared. */
interface Described {
  readonly name: string;
  /** For lists of commands; the first sentence of the description where it is left out. */
  readonly summary?: string;
  readonly description: string;
  /** Exit status and examples, after the options. */
  readonly after?: string;
}

export interface CommandSpec<O extends Options, A> extends Described {
  readonly argument?: Argument<A>;
  readonly options: O;
  /** The global options that mean something to it, besides those of every command. */
  readonly uses?: Uses;
  /** rsprep itself calls it. */
  readonly hidden?: boolean;
  readonly commands?: readonly Command[];
  readonly run: (context: Context, options: ValuesOf<O>, words: readonly A[]) => Promise<void>;
}

/** What the program knows of a command, or of a group of them, which cannot be run itself. */
export interface Command extends Described {
  readonly argument: Argument<unknown> | null;
  readonly options: Options;
  readonly uses: Uses;
  readonly hidden: boolean;
  readonly commands: readonly Command[];
  /** Null for a group. @throws UsageError */
  readonly run: ((context: Context, given: Given, words: readonly string[]) => Promise<void>) | null;
}

export const command = <const O extends Options, A = never>(spec: CommandSpec<O, A>): Command => {
  const { argument } = spec;
  return {
    ...{ uses: {}, hidden: false, commands: [] },
    ...spec,
    argument: argument ?? null,
    run: (context, given, words) =>
      spec.run(context, readOptions(spec.options, given), argument === undefined ? [] : readWords(argument, words)),
  };
};

export const group = (spec: Described & { readonly commands: readonly Command[] }): Command => ({
  ...{ argument: null, options: {}, uses: {}, hidden: false, run: null },
  ...spec,
});
