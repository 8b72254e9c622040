import { EXIT } from '../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../core/report/report.ts';
import { safe, safeJson } from '../../format/safe-text.ts';
import { command, group } from '../command.ts';
import { loadDesired } from '../input.ts';
import { formats } from '../options/globals.ts';
import { flag } from '../options/option.ts';

const check = command({
  name: 'check',
  description:
    'Reads the configuration and lists everything that is wrong with it, as file:line:column. Does not look at the host.',
  options: { 'allow-empty': flag('accept a configuration without VIPs') },
  uses: { format: formats('text', 'json') },
  after: 'Examples:\n  rsprep config check\n  rsprep config check -c new.yaml && mv new.yaml /etc/rsprep/rsprep.yaml',
  run: async (context, options) => {
    const { io, globals } = context;
    const desired = await loadDesired(context, { allowEmpty: options['allow-empty'] });
    if (!desired) return;
    const vips = desired.vips.length;
    if (globals.format === 'json') io.out(safeJson({ format_version: FORMAT_VERSION, exit_code: EXIT.ok, vips }));
    else if (!globals.quiet) io.out(safe`${globals.config}: fine, ${vips} ${vips === 1 ? 'VIP' : 'VIPs'}\n`);
    io.setExitCode(EXIT.ok);
  },
});

const schema = command({
  name: 'schema',
  description: 'Prints the JSON Schema of the configuration, for editors and CI.',
  options: {},
  after: 'Examples:\n  rsprep config schema > rsprep.schema.json',
  run: async ({ io }) => {
    const { configJsonSchema } = await import('../../config/json-schema.ts');
    io.out(safeJson(configJsonSchema()));
    io.setExitCode(EXIT.ok);
  },
});

export const configCommand = group({
  name: 'config',
  summary: 'validate the configuration, print its JSON Schema',
  description: 'Validates the configuration; prints its JSON Schema.',
  after: 'Examples:\n  rsprep config check\n  rsprep config schema > rsprep.schema.json',
  commands: [check, schema],
});
