import type { Command } from 'commander';
import { needsAddress, parsePrefixed, probeService, type ServiceOptions } from '../../../app/probe/service.ts';
import type { Desired } from '../../../core/model/desired.ts';
import type { Ip } from '../../../core/model/names.ts';
import { probing } from '../../../linux/ports/probe.ts';
import { parseMac } from '../../../probe/mac.ts';
import { type KnownQuestion, questionFor } from '../../../probe/questions.ts';
import { contextOf, type Io } from '../../context.ts';
import { addGlobals, checkFormat, UsageError } from '../../globals.ts';
import { address, configured } from './arp.ts';
import { EXIT_HELP, emitProbe } from './output.ts';

interface Options {
  readonly via: string;
  readonly interface?: string;
  readonly from?: string;
  readonly send?: string;
  readonly expect?: string;
}

export function registerProbeService(probe: Command, io: Io): void {
  const command = probe
    .command('service')
    .summary('from another host: does one real server answer for the VIP, and from which address?')
    .description(
      'Asks one real server as its director would, end to end and past the director: from a macvlan in a network namespace of its ' +
        'own, where alone the VIP has that server’s MAC. Needs root. IPv4 needs an unused address of the network, --from.',
    )
    .argument('<vip:port[/protocol]>', 'such as 192.0.2.10:53/udp or [2001:db8::10]:443; tcp unless given')
    .requiredOption('--via <mac|rip>', 'the real server: its MAC, or its own address')
    .option('--from <address/length>', 'an unused address of the network to ask from, such as 192.0.2.250/24')
    .option('--interface <name>', 'where to ask; default: the way to the real server')
    .option('--send <hex>', 'the datagram; default: the configured probe, or what the port’s protocol answers')
    .option('--expect <hex>', 'how the answer begins')
    .addHelpText(
      'after',
      `${EXIT_HELP}

Examples:
  rsprep probe service 192.0.2.10:443 --via 192.0.2.21 --from 192.0.2.250/24
  rsprep probe service 192.0.2.10:53/udp --via 52:54:00:12:34:56 --from 192.0.2.250/24`,
    );
  addGlobals(command).action(async (target: string, options: Options, self: Command) => {
    const context = contextOf(self, io);
    checkFormat(context.globals.format, ['text', 'json']);
    const parsed = parse(target, options, await configured(context));
    const startedMs = performance.now();
    const host = probing({ timeoutMs: context.globals.timeoutMs, lockFd: null });
    const tried = await probeService(host, parsed);
    emitProbe(
      {
        ...{ command: 'probe service', host: host.hostName(), at: host.now().toISOString(), notes: [] },
        results: tried.kind === 'ok' ? tried.value : [],
        failure: tried.kind === 'ok' ? null : tried.failure,
        durationMs: performance.now() - startedMs,
      },
      context,
    );
  });
}

function parse(target: string, options: Options, desired: Desired | null): ServiceOptions {
  const [, six, four, digits = '', protocol = 'tcp'] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})(?:\/(tcp|udp))?$/.exec(target) ?? [];
  const port = Number(digits);
  if (digits === '' || port < 1 || port > 65_535)
    throw new UsageError(`expected VIP:PORT, VIP:PORT/udp or [VIP]:PORT, received ${JSON.stringify(target)}`);
  const vip = address(six ?? four ?? '', 'vip');
  const transport = protocol === 'udp' ? 'udp' : 'tcp';
  const question = questionOf(vip, transport, port, options, desired);
  const mac = parseMac(options.via);
  const prefixed = options.from === undefined ? null : parsePrefixed(options.from);
  if (needsAddress(vip) && prefixed === null)
    throw new UsageError(
      `--from: expected an unused address of the network with its prefix length, received ${JSON.stringify(options.from ?? 'none')}`,
    );
  return {
    ...{ vip, protocol: transport, port, device: options.interface ?? null, mustAnswer: question !== null },
    via: mac === null ? { rip: address(options.via, '--via') } : { mac },
    from: prefixed === null ? null : { ip: address(prefixed.ip, '--from'), prefixLength: prefixed.prefixLength },
    // One line feed where nobody said better: many services answer anything.
    send: Uint8Array.from(Buffer.from(question?.send ?? '0a', 'hex')),
    expect: question?.expect ?? '',
  };
}

function questionOf(
  vip: Ip,
  protocol: 'tcp' | 'udp',
  port: number,
  { send, expect = '' }: Options,
  desired: Desired | null,
): KnownQuestion | null {
  for (const [name, text] of Object.entries({ '--send': send ?? '', '--expect': expect }))
    if (!/^([0-9a-f]{2})*$/i.test(text))
      throw new UsageError(`${name}: expected hex digits, two a byte, received ${JSON.stringify(text)}`);
  if (send !== undefined) return { send, expect: expect.toLowerCase() };
  const services = desired?.vips.find((known) => known.address === vip)?.services ?? [];
  const service = services.find((known) => known.protocol === protocol && known.port === port);
  // A TCP service that accepts the connection has answered.
  const known = questionFor(service ?? { protocol, port }) ?? (protocol === 'tcp' ? { send: '', expect: '' } : null);
  return known === null || expect === '' ? known : { ...known, expect: expect.toLowerCase() };
}
