import { describe, expect, it, vi } from 'vitest';
import { formatConfigError, parseConfig } from '../../../src/config/load.ts';
import { refusals as hosts } from './refusals/addresses-of-hosts.ts';
import { refusals as document } from './refusals/document.ts';
import { refusals as ignore } from './refusals/ignore.ts';
import { refusals as responder } from './refusals/responder-and-report.ts';
import { refusals as services } from './refusals/services.ts';
import { refusals as text } from './refusals/text.ts';
import { refusals as vips } from './refusals/vips.ts';
import { refusals as yaml } from './refusals/yaml-itself.ts';

// Generous: the machine may be busy with the tests that need a kernel.
vi.setConfig({ testTimeout: 30_000 });

const tables = { text, yaml, document, vips, services, hosts, 'responder and report': responder, ignore };

for (const [table, refusals] of Object.entries(tables)) {
  describe(`refused: ${table}`, () => {
    it.each(refusals)('$name', async ({ text: input, errors }) => {
      const result = await parseConfig(input, 'f');
      expect(result.kind).toBe('invalid');
      const lines = result.kind === 'invalid' ? result.errors.map(formatConfigError) : [];
      expect(lines).toEqual(errors.map((error) => `f:${error}`));
    });
  });
}

describe('every refusal', () => {
  const all = Object.values(tables).flat();

  it('is one line, says what was expected and received, and what to do', async () => {
    for (const { text: input } of all) {
      const result = await parseConfig(input, 'f');
      for (const error of result.kind === 'invalid' ? result.errors : []) {
        expect(formatConfigError(error)).toMatch(/^f:\d+:\d+: [\x20-\x7e…]+: expected [^;]+, received .+; .+$/);
        for (const part of [error.message, error.expected, error.received, error.hint]) expect(part).not.toBe('');
      }
    }
  });

  it('points into the document', async () => {
    for (const { text: input } of all) {
      const result = await parseConfig(input, 'f');
      const lines = input.split('\n');
      for (const { line, column } of result.kind === 'invalid' ? result.errors : []) {
        expect(line).toBeLessThanOrEqual(lines.length);
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
      }
    }
  });
});

describe('all errors at once', () => {
  it('come in order of position, one for each slip', async () => {
    const input = [
      'version: 2',
      'vips: [192.0.2.10/32, 192.0.2.11, 192.0.2.11]',
      'rip: 192.0.2.11',
      'responder: {interval: 5, lease: 1m}',
      'wrong: 1',
    ].join('\n');
    const result = await parseConfig(input, 'f');
    const places = result.kind === 'invalid' ? result.errors.map((e) => `${e.line}:${e.column} ${e.path}`) : [];
    expect(places).toEqual([
      '1:10 version',
      '2:8 vips[0]',
      '2:35 vips[2]',
      '3:6 rip',
      '4:23 responder.interval',
      '5:1 wrong',
    ]);
  });

  it('shows nothing that a terminal would act on, and no file name that hides the place', async () => {
    const result = await parseConfig('version: 1\nvips: ["\\e[2J\u202e192.0.2.10"]\n', 'odd\u001b[2Jname');
    const [error] = result.kind === 'invalid' ? result.errors : [];
    expect(error && formatConfigError(error)).toMatch(/^"odd\\u001b\[2Jname":2:8: [\x20-\x7e]+$/);
  });
});
