import type { Command } from 'commander';
import { probeWatch } from '../../../app/probe/watch.ts';
import { probing } from '../../../linux/ports/probe.ts';
import { parseMac } from '../../../probe/mac.ts';
import { contextOf, type Io } from '../../context.ts';
import { addGlobals, checkFormat, duration, UsageError } from '../../globals.ts';
import { address, configured, repeated, vipsOf } from './arp.ts';
import { EXIT_HELP, emitProbe } from './output.ts';

const DEFAULT_FOR_MS = 30_000;

export function registerProbeWatch(probe: Command, io: Io): void {
  const command = probe
    .command('watch')
    .summary('on the real server: listen for ARP that leaves with the VIP, and for traffic past the director')
    .description(
      'Listens and sends nothing: ARP that leaves this host with a VIP as its sender, and traffic for a VIP from a MAC that is not ' +
        'a director’s, which means that somebody has cached this host. Needs root. Ctrl-C ends it early, with a verdict.',
    )
    .argument('[vip...]', 'VIPs; default: those of the configuration')
    .option('--for <duration>', 'how long (default: 30s)')
    .option(
      '--director <mac>',
      'MAC of a director (repeatable); default: those of the configured directors, if known',
      repeated,
    )
    .addHelpText('after', `${EXIT_HELP}\n\nExamples:\n  rsprep probe watch\n  rsprep probe watch 192.0.2.10 --for 5m`);
  addGlobals(command).action(
    async (words: readonly string[], options: { for?: string; director?: readonly string[] }, self: Command) => {
      const context = contextOf(self, io);
      checkFormat(context.globals.format, ['text', 'json']);
      const desired = await configured(context);
      const vips = words.length > 0 ? words.map((word) => address(word, 'vip')) : vipsOf(desired);
      if (vips.length === 0)
        throw new UsageError('expected a VIP, received none, and there is no configuration to go by');
      const directorMacs = (options.director ?? []).map((word) => {
        const mac = parseMac(word);
        if (mac === null) throw new UsageError(`--director: expected a MAC address, received ${JSON.stringify(word)}`);
        return mac;
      });
      let stopped = false;
      io.onStop(() => {
        stopped = true;
      });
      const host = probing({ timeoutMs: context.globals.timeoutMs, lockFd: null });
      const startedMs = performance.now();
      const forMs = duration(options.for, '--for') ?? DEFAULT_FOR_MS;
      const directors = desired?.directors ?? [];
      const tried = await probeWatch(host, { vips, directors, directorMacs, forMs }, () => stopped);
      emitProbe(
        {
          ...{ command: 'probe watch', host: host.hostName(), at: host.now().toISOString(), notes: [] },
          results: tried.kind === 'ok' ? tried.value : [],
          failure: tried.kind === 'ok' ? null : tried.failure,
          durationMs: performance.now() - startedMs,
        },
        context,
      );
    },
  );
}
