// The man page and the completions are made from the command tree; here they are compared with it, and tried.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionFor } from '../../../src/cli/commands/completion.ts';
import { manPage } from '../../../src/cli/commands/man.ts';
import { COMMANDS } from '../../../src/cli/commands/registry.ts';
import { describeProgram } from '../../../src/cli/describe.ts';
import type { CommandDoc } from '../../../src/format/command-doc.ts';
import { needs, run } from '../units/tools.ts';

const context = { describeProgram };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rsp-generated-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const every = (doc: CommandDoc): readonly CommandDoc[] => [doc, ...doc.commands.flatMap(every)];

describe('the man page', () => {
  it('is the one in docs/man (npm run docs)', async () => {
    await expect(await manPage(context)).toMatchFileSnapshot(
      fileURLToPath(new URL('../../../docs/man/rsprep.8', import.meta.url)),
    );
  });
  it('names every command and every option', async () => {
    const page = (await manPage(context)).replaceAll('\\-', '-');
    const { program, globals } = await describeProgram();
    expect(program.commands.map(({ name }) => name).sort()).toEqual(Object.keys(COMMANDS).sort());
    for (const { name, options } of every(program).slice(1)) {
      expect(page).toContain(name);
      for (const { long } of options) expect(page).toContain(`\\fB${long}\\fR`);
    }
    for (const { long } of globals) expect(page).toContain(`\\fB${long}\\fR`);
  });
  const groff = needs('groff', 'groff-base');
  it.skipIf(groff !== '')(`troff has nothing to say about it${groff}`, async () => {
    writeFileSync(join(folder, 'rsprep.8'), await manPage(context));
    const said = run('groff', '-man', '-Tutf8', '-Kutf8', '-ww', '-z', join(folder, 'rsprep.8'));
    expect(said).toEqual({ status: 0, text: '' });
  });
});

describe('bash completion', () => {
  const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
    writeFileSync(join(folder, 'rsprep.bash'), await completionFor('bash', context));
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rsprep; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', script, 'bash', join(folder, 'rsprep.bash'), 'rsprep', ...words],
      {
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  };
  it('knows every command', async () => {
    const offered = await complete('');
    for (const name of Object.keys(COMMANDS)) expect(offered).toContain(name);
  });
  it('knows the options of a command, and of its subcommands', async () => {
    expect(await complete('apply', '--take')).toEqual(['--take-from-nic']);
    expect(await complete('config', 'ch')).toEqual(['check']);
    expect(await complete('config', 'check', '--allow')).toEqual(['--allow-empty']);
  });
  it('looks past options with a value, and completes formats and files', async () => {
    expect(await complete('--root', '/x', 'ver')).toEqual(['verify']);
    expect(await complete('verify', '--format', 'j')).toEqual(['json', 'junit']);
    expect(await complete('-q', 'apply', '--format', '')).toEqual(['text', 'json']);
    expect(await complete('ask', '10.0.0.11', '--format', 'j')).toEqual(['json']);
    expect(await complete('render', 'localnode', '--rules', '')).toEqual(['nftables', 'iptables']);
    expect(await complete('apply', '--confirm', '')).toEqual([]);
    writeFileSync(join(folder, 'one.yaml'), '');
    expect(await complete('-c', `${folder}/on`)).toEqual([`${folder}/one.yaml`]);
  });
});

const fish = needs('fish', 'fish');
it.skipIf(fish !== '')(`fish completion knows commands and options${fish}`, async () => {
  writeFileSync(join(folder, 'rsprep.fish'), await completionFor('fish', context));
  const ask = (line: string): string =>
    run('fish', '--no-config', '-c', `source ${folder}/rsprep.fish; complete -C ${JSON.stringify(line)}`).text;
  for (const name of Object.keys(COMMANDS)) expect(ask('rsprep ')).toMatch(new RegExp(`^${name}\\t`, 'm'));
  expect(ask('rsprep apply --take')).toContain('--take-from-nic');
  expect(ask('rsprep verify --format j')).toMatch(/^json/m);
});

const zsh = needs('zsh', 'zsh');
it.skipIf(zsh !== '')(`zsh completion knows commands and options${zsh}`, async () => {
  writeFileSync(join(folder, '_rsprep'), await completionFor('zsh', context));
  // compadd is replaced by one that prints: zsh completes only in a line editor.
  const ask = (...words: readonly string[]): string => {
    const line = ['rsprep', ...words];
    const script = `compadd() { shift; print -l -- "$@" }; _files() { print files }; compdef() { : }; source $1; shift
      words=("$@"); CURRENT=$#; _rsprep`;
    return run('zsh', '-f', '-c', script, 'zsh', join(folder, '_rsprep'), ...line).text;
  };
  for (const name of Object.keys(COMMANDS)) expect(ask('').split('\n')).toContain(name);
  expect(ask('apply', '').split('\n')).toContain('--take-from-nic');
  expect(ask('config', '').split('\n')).toContain('check');
  expect(ask('--root', '/x', 'verify', '--format', '').split('\n')).toContain('junit');
  expect(ask('apply', '--format', '').trim().split('\n')).toEqual(['text', 'json']);
  expect(ask('-c', '').trim()).toBe('files');
});
