import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema, configJsonSchemaText } from '../../../src/config/json-schema.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { mutantsOf } from './documents.ts';
import { EXAMPLE } from './example.ts';
import { refusals as document } from './refusals/document.ts';
import { refusals as responder } from './refusals/responder-and-report.ts';
import { refusals as services } from './refusals/services.ts';

const accepts = new Ajv({ strict: true, allErrors: false, strictRequired: false }).compile(configJsonSchema());
/** As an editor reads it: plain YAML 1.2, not our own reader. */
const read = (text: string): unknown => parse(text, { schema: 'core', logLevel: 'silent' });

describe('the JSON Schema', () => {
  it('is the one in docs/schema (npm run docs)', () => {
    const file = new URL('../../../docs/schema/config.schema.json', import.meta.url);
    // As values: how it is broken into lines is the formatter's affair.
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(configJsonSchemaText()));
  });

  it('takes every document that the parser takes', async () => {
    let taken = 0;
    const property = fc.asyncProperty(mutantsOf([EXAMPLE]), async (text) => {
      const result = await parseConfig(text, 'f', { allowEmpty: true });
      if (result.kind === 'invalid') return;
      taken++;
      expect(accepts(read(text)) || accepts.errors).toBe(true);
    });
    await fc.assert(property, { numRuns: 500 });
    expect(taken).toBeGreaterThan(75);
  }, 60_000);

  it('refuses what it can see is wrong', () => {
    const seen = [...document, ...services, ...responder].filter(({ text }) => !accepts(read(text)));
    expect(seen.length).toBeGreaterThan(40);
  });

  it('describes every key', () => {
    const missing: string[] = [];
    const walk = (node: unknown, path: string) => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === 'properties') {
          for (const [name, property] of Object.entries(value as Record<string, object>)) {
            if (!('description' in property)) missing.push(`${path}.${name}`);
          }
        }
        walk(value, `${path}.${key}`);
      }
    };
    walk(configJsonSchema(), '');
    expect(missing).toEqual([]);
  });
});
