import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { CONFIG_PATH } from '../core/model/desired.ts';
import { configSchema } from './schema.ts';
import type { Schema, Shapes } from './schema-parts.ts';

const describing: Shapes = {
  mapping: (_expected, entries) => v.strictObject(entries) as never,
  textOrMapping: (text, mapping) => v.union([text, mapping]) as unknown as Schema<never, never>,
};

/**
 * The configuration as JSON Schema, draft 7: what editors read (yaml-language-server). It takes every document that
 * parseConfig() takes; what it cannot say (a reserved range, two values that exclude each other) only parseConfig() refuses.
 */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = toJsonSchema(configSchema(describing), { typeMode: 'input', target: 'draft-07' });
  const { $schema, ...rest } = schema;
  return {
    $schema,
    title: 'rsprep configuration',
    description: `What rsprep is to prepare and prove on an LVS-DR real server. Usual place: ${CONFIG_PATH}`,
    ...rest,
  };
}

/** As printed by `rsprep config schema` and kept in docs/schema/config.schema.json. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
