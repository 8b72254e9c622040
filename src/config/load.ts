import * as v from 'valibot';
import type { Desired } from '../core/model/desired.ts';
import { MAX_CONFIG_BYTES } from './bytes.ts';
import type { ConfigError } from './problem.ts';
import { readQuickly } from './quick-yaml.ts';
import { conflicts } from './relations.ts';
import { configSchema, type ParsedDocument } from './schema.ts';
import { reading } from './schema-parts.ts';

export { type ConfigError, formatConfigError } from './problem.ts';

export interface ParseOptions {
  /** Whether an empty list of VIPs is meant (`--allow-empty`). */
  readonly allowEmpty?: boolean;
}

export type ParseResult =
  | { readonly kind: 'ok'; readonly desired: Desired }
  | { readonly kind: 'invalid'; readonly errors: readonly ConfigError[] };

const schema = configSchema(reading);

/**
 * The desired state a configuration text asks for, or every error in it, in order of position. `source` is the file's
 * name for the messages. Never throws and never reads anything.
 */
export async function parseConfig(text: string, source: string, options: ParseOptions = {}): Promise<ParseResult> {
  const allowEmpty = options.allowEmpty === true;
  // The short way needs no yaml package at all. It accepts or it does not; only the long way explains.
  const quick = text.length > MAX_CONFIG_BYTES ? null : readQuickly(text);
  if (quick !== null) {
    const result = v.safeParse(schema, quick.value, { abortEarly: true });
    if (result.success && conflicts(result.output, { allowEmpty, isRefused: null }).length === 0) {
      return { kind: 'ok', desired: toDesired(result.output) };
    }
  }
  const { readAndExplain } = await import('./explain.ts');
  const read = readAndExplain(text, source, schema, allowEmpty);
  return read.kind === 'invalid' ? read : { kind: 'ok', desired: toDesired(read.document) };
}

function toDesired(document: ParsedDocument): Desired {
  const { responder, report } = document;
  return {
    vips: document.vips,
    rip: document.rip ?? null,
    directors: document.directors,
    role: document.role,
    persist: document.persist,
    responder: {
      port: responder.port,
      intervalMs: responder.interval,
      leaseMs: responder.lease,
      onDrift: responder.onDrift,
      unknownGraceMs: responder.unknownGrace,
      stopGraceMs: responder.stopGrace,
    },
    report: { textfile: report.textfile ?? null, remindMs: report.remind },
    ignore: document.ignore.map(({ id, reason, until }) => ({ id, reason, until: until ?? null })),
    farm: document.farm ?? null,
  };
}
