import { baseReport } from '../../app/look.ts';
import { verify } from '../../app/verify.ts';
import { lookingAt } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import { desiredOrFailure, loadDesired } from '../input.ts';
import { formats, lockTimeout, timeout } from '../options/globals.ts';
import { flag } from '../options/option.ts';
import { emit } from '../output.ts';

export const verifyCommand = command({
  name: 'verify',
  summary: 'is this host prepared? read-only, needs no privilege',
  description: 'Observes this host and runs every check. Changes nothing and needs no privilege.',
  options: {
    strict: flag('advice counts too'),
    'allow-empty': flag('accept a configuration without VIPs'),
    probe: flag('probe the behaviour of this host too, as `rsprep probe self` does; needs root'),
  },
  uses: {
    format: formats('text', 'json', 'junit', 'prometheus'),
    timeout: timeout(),
    'lock-timeout': lockTimeout({ requires: ['--probe'] }),
  },
  after: `Exit status: 0 as wanted · 2 drift · 3 pending (the configuration changed since the last apply) · 1 could not tell

Examples:
  rsprep verify
  rsprep verify --format json | jq '.findings[].id'
  rsprep verify --format junit > rsprep.xml`,
  run: async (context, { strict, 'allow-empty': allowEmpty, probe }) => {
    const host = lookingAt(context.paths, { ...context.hostOptions, looksSoon: true });
    // These two formats have a form for a broken configuration too; the others say it with file, line and column.
    const inReport = ['junit', 'prometheus'].includes(context.globals.format);
    const { desired, failure } = inReport
      ? await desiredOrFailure(context)
      : { desired: await loadDesired(context, { allowEmpty }), failure: null };
    if (failure) return emit({ ...baseReport(host, 'verify', null), failure, ending: 'failed' }, context);
    if (!desired) return;
    if (!probe) return emit(verify(host, desired, { strict }), context);
    const { probeChecks } = await import('./probe/self.ts');
    await emit(verify(host, desired, { strict, probes: await probeChecks(context, desired) }), context);
  },
});
