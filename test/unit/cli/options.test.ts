// No option is ever ignored: every option of every command, with what it must refuse, made from the tables they are declared in.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command as CommanderCommand } from 'commander';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { addCommand, addGlobals } from '../../../src/cli/commander.ts';
import { COMMANDS } from '../../../src/cli/commands/registry.ts';
import { EVERYWHERE, readGlobals, WHERE_LISTED } from '../../../src/cli/options/globals.ts';
import type { Option, Options } from '../../../src/cli/options/option.ts';
import { readOptions } from '../../../src/cli/options/read.ts';
import type { Value } from '../../../src/cli/options/value.ts';
import { parseWhole } from '../../../src/cli/options/value.ts';
import { call } from './call.ts';

/** A word that each kind of value takes, and what it must refuse. Those with a fixed list of words need no entry. */
const NUMBERS = ['', ' ', 'many', '0x2', '1e3', '+1', ' 1', '1 ', '1.5', '01', '-1', '99999999999999999999'];
const SAMPLES: Readonly<Record<string, readonly [good: string, ...bad: string[]]>> = {
  duration: ['5s', '', 'soon', '5', '1.5h', '1h30m', '0x2s', '1e3s', '+1s', ' 5s', '-1s', '99999d'],
  seconds: ['60', '', 'nonsense', '0', '0x20', '1e3', '+60', '1.5m', '25h'],
  n: ['2', '0', '10001', ...NUMBERS],
  number: ['7', '0', '4294967296', ...NUMBERS],
  file: ['rsprep.yaml', ''],
  dir: ['/', '', 'relative'],
  path: ['/usr/bin/node', '', 'node'],
  text: ['for a test', '', '  ', 'two\nlines', '\u001b[2J', 'x'.repeat(201)],
  name: ['eth0', '', 'a b', 'a/b', 'sixteen-letters0'],
  token: ['a1b2c3', '', 'a b', '../x'],
  address: ['10.0.0.2', '', 'here', '10.0.0', '10.0.0.256'],
  ip: ['10.0.0.2', '', 'here', '10.0.0.02'],
  prefix: ['10.0.0.0/24', '', 'here', '10.0.0.0/33', '10.0.0.0/'],
  mac: ['52:54:00:12:34:56', '', 'here', '52:54:00', '01:00:5e:00:00:01'],
  'address=mac': ['10.0.0.2=02:00:00:00:00:02', '', '10.0.0.2', '10.0.0.2=02:00', '=02:00:00:00:00:02'],
  'address/length': ['192.0.2.250/24', '', '192.0.2.250', '192.0.2.250/33', '192.0.2.250/+8', '192.0.2.250/0x8'],
  'mac|rip': ['10.0.0.11', '', 'here'],
  hex: ['0a0B', '0', '0x', 'no'],
  'protocol/port': ['tcp/443', '', 'tcp', 'tcp/0', 'tcp/0x1', 'tcp/65536', 'icmp/1'],
  // Positional words.
  vip: ['192.0.2.10:80', '', 'here', '192.0.2.10:0', '192.0.2.10:0x1'],
  host: ['10.0.0.11', '', 'no such host', '10.0.0.11:0', '10.0.0.11:99999', '[10.0.0.11'],
  word: ['rp-filter'],
};

function samplesOf(value: Value<unknown>): readonly [good: string, ...bad: string[]] {
  const [first] = value.choices ?? [];
  if (first !== undefined) return [first, '', 'bogus', ` ${first}`, first.toUpperCase()];
  const samples = SAMPLES[value.name];
  if (samples === undefined) throw new Error(`write down what <${value.name}> takes and what it must refuse`);
  return samples;
}

interface Leaf {
  readonly path: readonly string[];
  readonly command: Command;
  readonly options: Options;
}

const leaves = (command: Command, before: readonly string[] = []): readonly Leaf[] => {
  const path = [...before, command.name];
  const own = command.run === null ? [] : [{ path, command, options: { ...command.options, ...command.uses } }];
  return [...own, ...command.commands.flatMap((child) => leaves(child, path))];
};
const every = (await Promise.all(Object.values(COMMANDS).map((load) => load()))).flatMap((command) => leaves(command));

/** An option as it is typed, with a value that it takes. */
const typed = (name: string, option: Option<unknown> | undefined): readonly string[] => {
  if (option === undefined) throw new Error(`there is no --${name}`);
  return option.value === null ? [`--${name}`] : [`--${name}`, samplesOf(option.value)[0]];
};

/** An option with all it needs; `--history` or `--format json`. */
function withNeeds(options: Options, text: string): readonly string[] {
  const [name = '', word] = text.slice(2).split(' ');
  const needs = (options[name]?.requires ?? []).flatMap((other) => withNeeds(options, other));
  return [...(word === undefined ? typed(name, options[name]) : [`--${name}`, word]), ...needs];
}

/** What a call needs in any case: arguments, and options without which there is none. */
const least = ({ command, options }: Leaf, but = ''): readonly string[] => {
  const needed = Object.entries(options).filter(
    ([name, option]) => name !== but && option.read(null).kind === 'refused',
  );
  const { argument } = command;
  const words = argument === null || !argument.name.startsWith('<') ? [] : [samplesOf(argument.value)[0]];
  return [...words, ...needed.flatMap(([name, option]) => typed(name, option))];
};

const root = mkdtempSync(join(tmpdir(), 'rsp-options-'));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => expect(readdirSync(root), 'something was written').toEqual([]));

/** Below a root of its own and without a configuration, so that a call which is not refused shows, and does no harm. */
async function refuse(
  { path, command }: Leaf,
  words: readonly string[],
  why: string | RegExp,
  before: readonly string[] = [],
): Promise<void> {
  const { code, out, err } = await call('--root', root, '-c', join(root, 'none'), ...before, ...path, ...words);
  const context = `rsprep ${[...before, ...path, ...words].join(' ')}\n${err}`;
  const isKeepalived = words.includes('--keepalived');
  expect(code, context).toBe(command.name === 'check' && path.length === 1 ? 3 : isKeepalived ? 1 : 64);
  expect(out.replace(/^RSPREP UNKNOWN .*\n/, ''), context).toBe('');
  expect(err, context).toMatch(why);
  expect(err, context).toContain(`rsprep ${path.join(' ')}: `);
  expect(err, context).toContain(`next: rsprep ${path.join(' ')} --help\n`);
}

/** Whether a call gets through to the command, which is not run. */
async function accept({ path }: Leaf, before: readonly string[], words: readonly string[]): Promise<void> {
  const [name = ''] = path;
  const program = addGlobals(new CommanderCommand('rsprep').exitOverride());
  let calls = 0;
  const loaded = await COMMANDS[name]?.();
  if (loaded === undefined) throw new Error(`there is no command ${name}`);
  addCommand(program, loaded, `rsprep ${name}`, async (command, given) => {
    readGlobals(given, command.uses);
    readOptions(command.options, given);
    calls += 1;
  });
  await program.parseAsync([...before, ...path, ...words], { from: 'user' });
  expect(calls).toBe(1);
}

describe.each(every.map((leaf) => ({ name: leaf.path.join(' '), leaf })))('$name', ({ leaf }) => {
  const { command, options } = leaf;
  const visible = command.hidden ? [] : Object.entries(options);
  it('takes each of its options', async () => {
    await accept(leaf, [], least(leaf));
    for (const [name] of visible) await accept(leaf, [], [...least(leaf, name), ...withNeeds(options, `--${name}`)]);
  });

  it('takes the options of every command, before and after its name', async () => {
    const all = Object.entries(EVERYWHERE).flatMap(([name, option]) => typed(name, option));
    await accept(leaf, all, least(leaf));
    await accept(leaf, [], [...least(leaf), ...all]);
  });

  it('refuses bogus values', async () => {
    for (const [name, option] of [...visible, ...Object.entries(EVERYWHERE)]) {
      if (option.value === null) {
        await refuse(leaf, [...least(leaf, name), `--${name}=yes`], 'unknown option');
        continue;
      }
      const [, ...bad] = samplesOf(option.value);
      for (const word of bad) await refuse(leaf, [...least(leaf, name), `--${name}=${word}`], `--${name}: `);
    }
  });

  it('refuses bogus arguments', async () => {
    const { argument } = command;
    if (argument === null) return refuse(leaf, [...least(leaf), 'bogus'], /too many arguments|unknown command/);
    if (command.hidden || argument.value.name === 'word') return;
    const needed = least(leaf).slice(argument.name.startsWith('<') ? 1 : 0);
    const [, ...bad] = samplesOf(argument.value);
    for (const word of bad) await refuse(leaf, [...needed, word], 'expected ');
  });

  it('refuses an option twice that counts once', async () => {
    for (const [name, option] of Object.entries(command.options)) {
      if (option.value === null || option.repeatable) continue;
      const words = typed(name, option);
      await refuse(leaf, [...least(leaf, name), ...withNeeds(options, `--${name}`), ...words], 'expected once');
    }
  });

  it('refuses an option without what it needs, and beside what excludes it', async () => {
    for (const [name, option] of visible) {
      const words = [...least(leaf, name), ...typed(name, option)];
      if (option.requires.length > 0) await refuse(leaf, words, 'expected together with');
      for (const other of option.conflicts)
        await refuse(
          leaf,
          [...least(leaf, name), ...withNeeds(options, `--${name}`), ...withNeeds(options, other)],
          `--${name}: expected without ${other}`,
        );
    }
  });

  it('refuses global options that it has no use for, before and after its name', async () => {
    for (const [name, option] of Object.entries(WHERE_LISTED)) {
      if (Object.hasOwn(command.uses, name)) continue;
      const why = `--${name}: expected no such option`;
      await refuse(leaf, [...least(leaf), ...typed(name, option)], why);
      await refuse(leaf, least(leaf), why, typed(name, option));
    }
  });
});

describe('what was ignored or taken before', () => {
  it.each([
    ['apply --exit-code', '--exit-code: expected together with --dry-run'],
    ['apply --heal --allow-empty', '--heal: expected without --allow-empty'],
    ['apply --dry-run --confirm nonsense', '--confirm|--dry-run'],
    ['config check --format bogus', '--format: expected text or json, received "bogus"'],
    ['install --format bogus', '--format: expected text or json, received "bogus"'],
    ['ask --count 0x2 10.0.0.1', '--count: expected a whole number from 1 to 10000, received "0x2"'],
    ['ask --timeout 0 10.0.0.1', '--timeout: a duration without a unit'],
    ['ask --timeout 0s 10.0.0.1', '--timeout: too short'],
    ['drain --reason test --for 1.5h', '--for: a fraction'],
    ['lab --keep down', '--keep: expected only without a subcommand of lab'],
    ['apply --boot --confirm 60', '--boot: expected without --confirm, received both'],
    ['aply', "^rsprep: unknown command 'aply'.*\\n(.*\\n)*  next: rsprep --help"],
  ])('rsprep %s', async (line, why) => {
    const { code, out, err } = await call('--root', root, ...line.split(' '));
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toMatch(new RegExp(why));
  });

  it('rsprep ask --keepalived --format json: with 1, because keepalived takes other statuses for weights', async () => {
    const { code, out, err } = await call('ask', '--keepalived', '--format', 'json', '10.0.0.1');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('--keepalived: expected without --format json, received both');
  });

  it('the option nearest to the command counts', async () => {
    const { code, out } = await call('--format', 'bogus', 'explain', 'rp-filter', '--format', 'json');
    expect({ code, first: out[0] }).toEqual({ code: 0, first: '{' });
  });
});

describe('numbers', () => {
  it.each(NUMBERS)('are not %j', (word) => expect(parseWhole(word, 0, Number.MAX_SAFE_INTEGER)).toBeNull());
  it.each(['0', '7', '65535'])('are %s', (word) => expect(parseWhole(word, 0, 65_535)).toBe(Number(word)));
});
