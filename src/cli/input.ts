import type { Failure } from '../app/ports/host.ts';
import { formatRefusal, type LoadResult, loadConfigFile } from '../config/file.ts';
import { formatConfigError } from '../config/problem.ts';
import type { Desired } from '../core/model/desired.ts';
import { EXIT } from '../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../core/report/report.ts';
import { safe, safeJson, safeLines } from '../format/safe-text.ts';
import type { Context } from './context.ts';

type Refused = Exclude<LoadResult, { kind: 'ok' }>;

/** The configuration a command works from, or null after having said what is wrong with it (exit 78). */
export async function loadDesired(
  context: Context,
  options: { readonly allowEmpty?: boolean } = {},
): Promise<Desired | null> {
  const { io, globals } = context;
  const loaded = await loadConfigFile(globals.config, globals.root, { allowEmpty: options.allowEmpty ?? false });
  if (loaded.kind === 'ok') return loaded.desired;
  if (globals.format === 'json') io.out(safeJson(asJson(loaded)));
  io.err(safeLines(inWords(loaded)));
  io.setExitCode(EXIT.configuration);
  return null;
}

/** For commands that work without one: null where it cannot be read, and a word about it on standard error. */
export async function tryDesired(context: Context): Promise<Desired | null> {
  const loaded = await loadConfigFile(context.globals.config, context.globals.root, { allowEmpty: true });
  if (loaded.kind === 'ok') return loaded.desired;
  context.io.err(
    safe`note: the configuration ${loaded.source} cannot be used (rsprep config check says why); going by the ledger alone\n`,
  );
  return null;
}

/** For commands that report a broken configuration instead of ending at it. */
export async function desiredOrFailure(
  context: Context,
): Promise<
  { readonly desired: Desired; readonly failure: null } | { readonly desired: null; readonly failure: Failure }
> {
  const loaded = await loadConfigFile(context.globals.config, context.globals.root, { allowEmpty: true });
  if (loaded.kind === 'ok') return { desired: loaded.desired, failure: null };
  const [first = loaded.source, ...more] = inWords(loaded);
  const message = `${first.replace(/^rsprep: /, '')}${more.length > 0 ? ` (and ${more.length} more)` : ''}`;
  return { desired: null, failure: { kind: 'configuration', message, next: 'rsprep config check' } };
}

const inWords = (loaded: Refused): readonly string[] =>
  loaded.kind === 'refused' ? [`rsprep: ${formatRefusal(loaded.why)}`] : loaded.errors.map(formatConfigError);

function asJson(loaded: Refused): object {
  const errors =
    loaded.kind === 'refused'
      ? [{ file: loaded.source, line: null, column: null, path: '', ...loaded.why }]
      : loaded.errors;
  return { format_version: FORMAT_VERSION, exit_code: EXIT.configuration, configuration_errors: errors };
}
