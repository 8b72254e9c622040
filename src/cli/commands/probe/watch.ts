import { probeWatch } from '../../../app/probe/watch.ts';
import { command } from '../../command.ts';
import { formats, timeout } from '../../options/globals.ts';
import { hostAddress, mac } from '../../options/network.ts';
import { repeated, withDefault } from '../../options/option.ts';
import { duration } from '../../options/value.ts';
import { configured, EXIT_HELP, runProbe, vipsToAsk } from './output.ts';

const FOR = { minMs: 1, maxMs: 7 * 86_400_000 };

export const probeWatchCommand = command({
  name: 'watch',
  summary: 'on the real server: listen for ARP that leaves with the VIP, and for traffic past the director',
  description:
    'Listens and sends nothing: ARP that leaves this host with a VIP as its sender, and traffic for a VIP from a MAC that is not ' +
    'a director’s, which means that a neighbour believes this host to be the owner of the VIP. Needs root. Ctrl-C ends it early, with a verdict.',
  argument: { name: '[vip...]', does: 'VIPs; default: those of the configuration', value: hostAddress },
  options: {
    for: withDefault(duration(FOR), 30_000, 'how long (default: 30s)'),
    director: repeated(mac, 'MAC of a director (repeatable); default: those of the configured directors, if known'),
  },
  uses: { format: formats('text', 'json'), timeout: timeout() },
  after: `${EXIT_HELP}\n\nExamples:\n  rsprep probe watch\n  rsprep probe watch 192.0.2.10 --for 5m`,
  run: async (context, options, named) => {
    const desired = await configured(context);
    const vips = vipsToAsk(named, desired);
    let stopped = false;
    context.io.onStop(() => {
      stopped = true;
    });
    const watched = {
      ...{ vips, directors: desired?.directors ?? [], directorMacs: options.director, forMs: options.for },
    };
    await runProbe(context, 'probe watch', (host) => probeWatch(host, watched, () => stopped));
  },
});
