import type { Command } from 'commander';
import { contextOf, type Io } from '../context.ts';
import { addGlobals } from '../globals.ts';
import { loadDesired } from '../input.ts';

export function registerConfig(program: Command, io: Io): void {
  const group = program
    .command('config')
    .summary('validate the configuration, print its JSON Schema')
    .description('Validates the configuration; prints its JSON Schema.')
    .addHelpText('after', '\nExamples:\n  rsprep config check\n  rsprep config schema > rsprep.schema.json');
  const check = group
    .command('check')
    .description(
      'Reads the configuration and says everything that is wrong with it, as file:line:column. Looks at no host.',
    )
    .option('--allow-empty', 'accept a configuration without VIPs')
    .addHelpText(
      'after',
      '\nExamples:\n  rsprep config check\n  rsprep config check -c new.yaml && mv new.yaml /etc/rsprep/rsprep.yaml',
    );
  addGlobals(check).action(async (options: { allowEmpty?: boolean }, self: Command) => {
    const context = contextOf(self, io);
    const desired = await loadDesired(context, { allowEmpty: options.allowEmpty === true });
    if (!desired) return;
    const vips = desired.vips.length;
    if (context.globals.format === 'json')
      io.out(`${JSON.stringify({ format_version: '1.0', exit_code: 0, vips }, null, 2)}\n`);
    else if (!context.globals.quiet)
      io.out(`${context.globals.config}: fine, ${vips} ${vips === 1 ? 'VIP' : 'VIPs'}\n`);
    io.setExitCode(0);
  });
  group
    .command('schema')
    .description('Prints the JSON Schema of the configuration, for editors and CI.')
    .addHelpText('after', '\nExamples:\n  rsprep config schema > rsprep.schema.json')
    .action(async () => {
      const { configJsonSchema } = await import('../../config/json-schema.ts');
      io.out(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
      io.setExitCode(0);
    });
}
