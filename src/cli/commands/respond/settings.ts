import { type LoadResult, loadConfigFile } from '../../../config/file.ts';
import { formatConfigError } from '../../../config/problem.ts';
import type { Desired } from '../../../core/model/desired.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { safe } from '../../../format/safe-text.ts';
import { readLedger } from '../../../linux/state/ledger.ts';
import type { Context } from '../../context.ts';

/** The configuration file's; where that cannot be used, those last applied. Null after having said why there are none. */
export async function settingsOf(context: Context, allow: readonly string[]): Promise<Desired | null> {
  const { io } = context;
  const loaded = await loadSettings(context);
  const ledger = readLedger(context.paths);
  const applied = ledger.kind === 'value' ? (ledger.value.applied?.desired ?? null) : null;
  const settings = loaded.kind === 'ok' ? loaded.desired : applied;
  if (settings !== null && settings.directors.length + allow.length > 0) return settings;
  const why =
    settings === null && loaded.kind !== 'ok'
      ? `the configuration cannot be used and nothing was ever applied here: ${inALine(loaded)}`
      : 'expected directors in the configuration, found none: nobody would be answered';
  io.err(
    safe`rsprep respond: ${why}\n  next: ${settings === null ? 'rsprep config check' : 'name them in the configuration (directors: [ADDRESS, …]): nobody else is answered'}\n`,
  );
  io.setExitCode(EXIT.configuration);
  return null;
}

export const loadSettings = ({ globals }: Context): Promise<LoadResult> =>
  loadConfigFile(globals.config, globals.root, { allowEmpty: true });

export const inALine = (loaded: Exclude<LoadResult, { kind: 'ok' }>): string =>
  (loaded.kind === 'refused'
    ? `${loaded.source}: ${loaded.why.message}`
    : loaded.errors.map(formatConfigError).join('; ')
  )
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
