// What a command says of a wrong call, a wrong file or an earlier run repeats text of others: it must not steer the terminal either.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeProgram } from '../../../src/cli/describe.ts';
import { makeLogger } from '../../../src/cli/log.ts';
import type { CommandDoc } from '../../../src/format/command-doc.ts';
import { hostile, STEERING } from '../../support/hostile.ts';
import { open } from '../core/report/support.ts';
import { type Called, call } from './call.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'rsp-hostile-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { mode: 0o644 });
  return file;
}

/** Nothing steers, and what was said is a line of ours from its beginning. */
function expectTame(argv: readonly string[], { out, err }: Called): void {
  for (const text of [out, err]) {
    const steers = STEERING.exec(text.replaceAll('\n', ''))?.[0];
    const forged = text.split('\n').filter((line) => line.startsWith('FORGED'));
    expect({ argv, steers, forged }).toEqual({ argv, steers: undefined, forged: [] });
  }
  expect({ argv, silent: out + err === '' }).toEqual({ argv, silent: false });
}

const pathsOf = ({ name, commands }: CommandDoc): readonly (readonly string[])[] => [
  [name],
  ...commands.flatMap((child) => pathsOf(child).map((path) => [name, ...path])),
];

it('a wrong call of any command: an option, a value, a word', async () => {
  const { program } = await describeProgram();
  const commands = program.commands.flatMap(pathsOf);
  const docs = new Map(program.commands.map((doc) => [doc.name, doc]));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...commands), hostile, fc.nat(), async (command, text, pick) => {
      const word = `x\n${text}`.replaceAll('\0', '');
      const options =
        docs.get(command[0] ?? '')?.options.filter(({ value, long }) => value !== null && long !== null) ?? [];
      const { long } = options[pick % Math.max(options.length, 1)] ?? { long: '--format' };
      for (const wrong of [[`--${word}`], [`-${word}`], [long ?? '', word], ['--root', word], ['--timeout', word]]) {
        const argv = [...command, ...wrong, '--no-such-option'];
        const said = await call(...argv);
        expectTame(argv, said);
        expect({ argv, code: said.code }).toEqual({ argv, code: command[0] === 'check' ? 3 : 64 });
      }
    }),
    { numRuns: 300 },
  );
});

it('values, before anything is done', async () => {
  const calls = (text: string): readonly (readonly string[])[] => [
    [text],
    ['help', text],
    ['explain', text],
    ['completion', text],
    ['resume', text],
    ['verify', '--format', text],
    ['apply', '--confirm', text],
    ['drain', '--reason', 'x', '--for', text],
    ['drain', '--reason', `\n${text}`, '--root', root],
    ['report', '--history', '--since', text],
    ['ask', `${text} `],
    ['ask', '127.0.0.1', '--vip', text],
    ['lab', '--director', text],
    ['respond', '--allow', text],
    ['probe', 'arp', text],
    ['probe', 'service', text, '--via', text],
    ['render', 'localnode', '--mac', text],
    ['confirm', '--revert', `${text}\n`],
    ['install', '--node', text],
  ];
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      for (const argv of calls(`x${text}\u202e`.replaceAll('\0', ''))) expectTame(argv, await call(...argv));
    }),
    { numRuns: 60 },
  );
});

it('the name and the content of a configuration', async () => {
  const commands = [
    ['config', 'check'],
    ['plan'],
    ['verify'],
    ['verify', '--format', 'junit'],
    ['check'],
    ['render', 'keepalived'],
  ];
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const file = put(
        'bad.yaml',
        `version: 1\nvips: [${JSON.stringify(text)}]\n? ${JSON.stringify(text)}\n: 1\nignore: ${text}\n`,
      );
      for (const command of commands)
        for (const config of [file, join(root, `${text.replaceAll('\0', '')}.yaml`)]) {
          const argv = [...command, '--root', root, '--config', config];
          const said = await call(...argv);
          expectTame(argv, said);
          expect({ argv, fine: said.code === 0 }).toEqual({ argv, fine: false });
        }
      const json = await call('config', 'check', '--format', 'json', '--config', file);
      expectTame(['json'], json);
      expect(() => JSON.parse(json.out)).not.toThrow();
    }),
    { numRuns: 60 },
  );
});

it('overrides of other users, and the journal of earlier runs', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (text) => {
      const override = { reason: text, who: text, since: text, until: null };
      const both = [
        { ...override, kind: 'hold' },
        { ...override, kind: 'drain' },
      ];
      const argvs = [['resume', 'drain'], ['resume', 'vouch'], ['resume', 'vouch', '--format', 'json'], ['resume']];
      put('var/lib/rsprep/overrides.json', JSON.stringify(both));
      for (const argv of argvs) {
        const said = await call(...argv, '--root', root);
        expectTame(argv, said);
        expect({ argv, code: said.code }).toEqual({ argv, code: 0 });
      }
      const leak = { ...open('arp-ignore', text), seen: text, cause: text };
      const run = { v: 1, seq: 1, changedSeq: 1, told: 0, at: '2026-01-01T00:00:00Z', exit: 2, ms: 1, open: 1 };
      const lines = [
        { ...run, new: [leak], who: { [leak.id]: [text] }, overrides: [text], failure: text },
        { ...run, seq: 2, gone: [{ ...leak, because: text }] },
      ];
      put('var/lib/rsprep/report/journal.jsonl', `${lines.map((line) => JSON.stringify(line)).join('\n')}\n${text}\n`);
      for (const format of ['text', 'json']) {
        const argv = ['report', '--history', '--format', format, '--root', root];
        const said = await call(...argv);
        expectTame(argv, said);
        expect(said.code).toBe(0);
      }
    }),
    { numRuns: 60 },
  );
});

it.each([true, false])('the log, on a terminal: %s', async (errIsTerminal) => {
  const said: string[] = [];
  const write = (bytes: Uint8Array): number => {
    said.push(Buffer.from(bytes).toString());
    return bytes.length;
  };
  const io = { errIsTerminal, env: {} };
  const logs = [await makeLogger(io, true, true, write), await makeLogger(io, true, false, write)];
  fc.assert(
    fc.property(hostile, (text) => {
      for (const { log } of logs) {
        said.length = 0;
        log.warn({ subject: text, [text]: [text, { deep: text }] }, `not vouching: ${text}`);
        const line = said.join('').replace(/\u001b\[\d+m/g, '');
        expect(line.endsWith('\n')).toBe(true);
        expect(STEERING.exec(line.slice(0, -1))?.[0]).toBeUndefined();
        if (!errIsTerminal) expect(JSON.parse(line)).toMatchObject({ subject: text, msg: `not vouching: ${text}` });
      }
    }),
  );
});

it('a journal with anything in any field is skipped or shown, and never a bug', async () => {
  const leak = open('arp-ignore', 'eth0');
  const run = { v: 1, seq: 1, changedSeq: 1, told: 0, at: '2026-01-01T00:00:00Z', exit: 2, ms: 1, open: 1 };
  const record = { ...run, new: [leak], gone: [leak], who: { [leak.id]: ['x'] }, overrides: ['hold'], failure: 'x' };
  const places = [...Object.keys(record), ...Object.keys(leak).map((key) => `new.0.${key}`), `who.${leak.id}`, 'new.0'];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue(), async (place, anything) => {
      const changed = structuredClone(record);
      const keys = place.split('.');
      const last = keys.pop() ?? '';
      const parent = keys.reduce((at, key) => (at as Record<string, unknown>)[key], changed as unknown);
      (parent as Record<string, unknown>)[last] = anything;
      const lines = [record, changed, { ...run, seq: 3 }].map((line) => `${JSON.stringify(line)}\n`);
      put('var/lib/rsprep/report/journal.jsonl', lines.join(''));
      const said = await call('report', '--history', '--root', root);
      expectTame([place, JSON.stringify(anything)], said);
      expect(said.code).toBe(0);
    }),
    { numRuns: 300 },
  );
});
