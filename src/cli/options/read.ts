import { UsageError } from '../usage-error.ts';
import type { Argument, Options, ValuesOf } from './option.ts';
import type { Read } from './value.ts';

/** What was typed: for each option, by its long name, the words after it; none for a switch. */
export type Given = ReadonlyMap<string, readonly string[]>;

/** Reads every option. @throws UsageError for the first that is refused */
export function readOptions<O extends Options>(options: O, given: Given): ValuesOf<O> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const words = given.get(name) ?? null;
    if (words !== null && words.length > 1 && !option.repeatable)
      throw new UsageError(`--${name}: expected once, received ${words.length} times: ${words.map(quoted).join(', ')}`);
    values[name] = orThrow(`--${name}`, option.read(words), words);
  }
  // Each was read by the option of its name.
  return values as ValuesOf<O>;
}

/** Reads positional words. @throws UsageError for the first that is refused */
export const readWords = <T>({ name, value }: Argument<T>, words: readonly string[]): readonly T[] =>
  words.map((word) => orThrow(name.replace(/[^\w-]/g, ''), value.read(word), [word]));

function orThrow<T>(name: string, read: Read<T>, words: readonly string[] | null): T {
  if (read.kind === 'ok') return read.value;
  const received = words === null ? 'none' : words.map(quoted).join(', ');
  const why = read.why === undefined ? '' : `${read.why}: `;
  const hint = read.hint === undefined ? '' : `; ${read.hint}`;
  throw new UsageError(`${name}: ${why}expected ${read.expected}, received ${received}${hint}`);
}

/** What only means something with another option, or only without one. @throws UsageError */
export function requireTogether(options: Options, given: Given): void {
  for (const name of given.keys()) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    for (const other of option?.requires ?? [])
      if (!isGiven(other, given))
        throw new UsageError(`--${name}: expected together with ${other}, received without it`);
    for (const other of option?.conflicts ?? [])
      if (isGiven(other, given)) throw new UsageError(`--${name}: expected without ${other}, received both`);
  }
}

/** @param typed `--history`, or `--format json` */
function isGiven(typed: string, given: Given): boolean {
  const [name = '', word] = typed.split(' ');
  const words = given.get(name.slice(2));
  return words !== undefined && (word === undefined || words.at(-1) === word);
}

const quoted = (word: string): string => JSON.stringify(word);
