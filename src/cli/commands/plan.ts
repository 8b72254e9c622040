import { lookingAt } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import { loadDesired } from '../input.ts';
import { formats, timeout } from '../options/globals.ts';
import { flag } from '../options/option.ts';
import { emit } from '../output.ts';

export const planCommand = command({
  name: 'plan',
  summary: 'the ordered steps apply would take, and why each',
  description:
    'Shows what `rsprep apply` would do on this host right now, in order, with the finding behind each step. Changes nothing.',
  options: {
    'take-from-nic': flag('as apply --take-from-nic'),
    prune: flag('as apply --prune'),
    'allow-empty': flag('accept a configuration without VIPs'),
    'exit-code': flag('exit 2 when there are steps'),
  },
  uses: { format: formats('text', 'json'), timeout: timeout() },
  after: 'Examples:\n  rsprep plan\n  rsprep plan --exit-code || echo "apply has something to do"',
  run: async (context, options) => {
    const desired = await loadDesired(context, { allowEmpty: options['allow-empty'] });
    if (!desired) return;
    const { plan } = await import('../../app/plan.ts');
    const host = lookingAt(context.paths, context.hostOptions);
    const report = plan(host, desired, { 'take-from-nic': options['take-from-nic'], prune: options.prune });
    await emit(report, context, { planExitCode: options['exit-code'] });
  },
});
