import { probeArp } from '../../../app/probe/arp.ts';
import type { Mac } from '../../../probe/mac.ts';
import { command } from '../../command.ts';
import { formats, timeout } from '../../options/globals.ts';
import { device, hostAddress, mac } from '../../options/network.ts';
import { optional, repeated, withDefault } from '../../options/option.ts';
import { duration, ok, type Value } from '../../options/value.ts';
import { UsageError } from '../../usage-error.ts';
import { configured, EXIT_HELP, runProbe, vipsToAsk } from './output.ts';

const WAIT = { minMs: 1, maxMs: 3_600_000 };

const macOrNone: Value<Mac | 'none'> = {
  name: 'mac',
  read: (word) => {
    if (word === 'none') return ok(word);
    const read = mac.read(word);
    return read.kind === 'ok' ? read : { ...read, expected: `${read.expected}, or none` };
  },
};

export const probeArpCommand = command({
  name: 'arp',
  summary: 'from another host of the network: who claims the VIP?',
  description:
    'Asks ARP (neighbour discovery for IPv6) for each VIP, as any neighbour does, and lists everyone who answers. Only the ' +
    'director may. Changes nothing and needs root. VIPs and directors come from the configuration where there is one.',
  argument: { name: '[vip...]', does: 'VIPs; default: those of the configuration', value: hostAddress },
  options: {
    expect: repeated(macOrNone, 'who may claim it (repeatable), or none; default: the configured directors'),
    interface: optional(device, 'where to ask; default: the way to the VIP'),
    control: optional(
      { ...hostAddress, name: 'ip' },
      'an address that must answer there; default: the directors, the default gateway',
    ),
    wait: withDefault(duration(WAIT), 1000, 'how long to listen (default: 1s)'),
  },
  uses: { format: formats('text', 'json'), timeout: timeout() },
  after: `${EXIT_HELP}

Examples:
  rsprep probe arp 192.0.2.10 --expect 52:54:00:12:34:56
  rsprep probe arp --interface eth1`,
  run: async (context, options, named) => {
    const expected = expectedOf(options.expect);
    const desired = await configured(context);
    const asked = {
      vips: vipsToAsk(named, desired),
      ...{ device: options.interface, expected, control: options.control, waitMs: options.wait },
      directors: desired?.directors ?? [],
    };
    await runProbe(context, 'probe arp', (host) => probeArp(host, asked));
  },
});

/** Null where nobody said: then the directors may. */
function expectedOf(words: readonly (Mac | 'none')[]): readonly Mac[] | null {
  if (words.length > 1 && words.includes('none'))
    throw new UsageError('--expect: expected none alone, received it with others');
  return words.length === 0 ? null : words.filter((word) => word !== 'none');
}
