import type { Command } from 'commander';
import { type ArpOptions, probeArp } from '../../../app/probe/arp.ts';
import { parseHostAddress } from '../../../config/address.ts';
import { loadConfigFile } from '../../../config/file.ts';
import type { Desired } from '../../../core/model/desired.ts';
import type { Ip } from '../../../core/model/names.ts';
import { probing } from '../../../linux/ports/probe.ts';
import { type Mac, parseMac } from '../../../probe/mac.ts';
import { type Context, contextOf, type Io } from '../../context.ts';
import { addGlobals, checkFormat, duration, UsageError } from '../../globals.ts';
import { EXIT_HELP, emitProbe } from './output.ts';

interface Options {
  readonly expect?: readonly string[];
  readonly interface?: string;
  readonly control?: string;
  readonly wait?: string;
}

const DEFAULT_WAIT_MS = 1000;

export function registerProbeArp(probe: Command, io: Io): void {
  const command = probe
    .command('arp')
    .summary('from another host of the network: who claims the VIP?')
    .description(
      'Asks ARP (neighbour discovery for IPv6) for each VIP, as any neighbour does, and lists everyone who answers. Only the ' +
        'director may. Changes nothing and needs root. VIPs and directors come from the configuration where there is one.',
    )
    .argument('[vip...]', 'VIPs; default: those of the configuration')
    .option('--expect <mac>', 'who may claim it (repeatable), or none; default: the configured directors', repeated)
    .option('--interface <name>', 'where to ask; default: the way to the VIP')
    .option('--control <ip>', 'an address that must answer there; default: the directors, the default gateway')
    .option('--wait <duration>', 'how long to listen (default: 1s)')
    .addHelpText(
      'after',
      `${EXIT_HELP}

Examples:
  rsprep probe arp 192.0.2.10 --expect 52:54:00:12:34:56
  rsprep probe arp --interface eth1`,
    );
  addGlobals(command).action(async (words: readonly string[], options: Options, self: Command) => {
    const context = contextOf(self, io);
    checkFormat(context.globals.format, ['text', 'json']);
    const desired = await configured(context);
    const asked = words.length > 0 ? words.map((word) => address(word, 'vip')) : vipsOf(desired);
    if (asked.length === 0)
      throw new UsageError('expected a VIP, received none, and there is no configuration to go by');
    const parsed: ArpOptions = {
      vips: asked,
      device: options.interface ?? null,
      expected: expectedOf(options.expect),
      directors: desired?.directors ?? [],
      control: options.control === undefined ? null : address(options.control, '--control'),
      waitMs: duration(options.wait, '--wait') ?? DEFAULT_WAIT_MS,
    };
    const startedMs = performance.now();
    const host = probing({ timeoutMs: context.globals.timeoutMs, lockFd: null });
    const tried = await probeArp(host, parsed);
    emitProbe(
      {
        ...{ command: 'probe arp', host: host.hostName(), at: host.now().toISOString(), notes: [] },
        results: tried.kind === 'ok' ? tried.value : [],
        failure: tried.kind === 'ok' ? null : tried.failure,
        durationMs: performance.now() - startedMs,
      },
      context,
    );
  });
}

/** Of an option that may be given several times. */
export const repeated = (word: string, before: readonly string[] = []): readonly string[] => [...before, word];

/** These probes run on any host: a configuration helps, and none is needed. */
export async function configured(context: Context): Promise<Desired | null> {
  const loaded = await loadConfigFile(context.globals.config, context.globals.root, { allowEmpty: true });
  return loaded.kind === 'ok' ? loaded.desired : null;
}

export const vipsOf = (desired: Desired | null): readonly Ip[] => desired?.vips.map((vip) => vip.address) ?? [];

export function address(text: string, name: string): Ip {
  const parsed = parseHostAddress(text);
  if (parsed.kind === 'ok') return parsed.value;
  throw new UsageError(`${name}: expected an IP address, received ${JSON.stringify(text)}`);
}

function expectedOf(words: readonly string[] | undefined): readonly Mac[] | null {
  if (words === undefined) return null;
  if (words.length === 1 && words[0] === 'none') return [];
  return words.map((word) => {
    const mac = parseMac(word);
    if (mac === null)
      throw new UsageError(`--expect: expected a MAC address or none, received ${JSON.stringify(word)}`);
    return mac;
  });
}
