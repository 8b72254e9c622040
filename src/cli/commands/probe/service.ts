import { probeService, type ServiceOptions } from '../../../app/probe/service.ts';
import { parseHostAddress } from '../../../config/address.ts';
import type { Desired } from '../../../core/model/desired.ts';
import { type Ip, isIpv6 } from '../../../core/model/names.ts';
import { type KnownQuestion, questionFor } from '../../../probe/questions.ts';
import { command } from '../../command.ts';
import { formats, timeout } from '../../options/globals.ts';
import { device, hex, hostAddress, mac, prefixedAddress } from '../../options/network.ts';
import { optional, required } from '../../options/option.ts';
import { ok, parsed, parsePort, type Value } from '../../options/value.ts';
import { UsageError } from '../../usage-error.ts';
import { configured, EXIT_HELP, runProbe } from './output.ts';

interface Target {
  readonly vip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

const target: Value<Target> = parsed('vip', 'VIP:PORT, VIP:PORT/udp or [VIP]:PORT', (word) => {
  const [, six, four, digits = '', protocol] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})(?:\/(tcp|udp))?$/.exec(word) ?? [];
  const [port, vip] = [parsePort(digits), parseHostAddress(six ?? four ?? '')];
  return port === null || vip.kind !== 'ok'
    ? null
    : { vip: vip.value, protocol: protocol === 'udp' ? 'udp' : 'tcp', port };
});

const via: Value<ServiceOptions['via']> = {
  name: 'mac|rip',
  read: (word) => {
    const hardware = mac.read(word);
    if (hardware.kind === 'ok') return ok({ mac: hardware.value });
    const address = hostAddress.read(word);
    return address.kind === 'ok'
      ? ok({ rip: address.value })
      : { ...address, expected: 'the MAC or the address of one host' };
  },
};

export const probeServiceCommand = command({
  name: 'service',
  summary: 'from another host: does one real server answer for the VIP, and from which address?',
  description:
    'Asks one real server as its director would, end to end and past the director: from a macvlan in a network namespace of its ' +
    'own, where alone the VIP has that server’s MAC. Needs root. IPv4 needs an unused address of the network, --from.',
  argument: {
    name: '<vip:port[/protocol]>',
    does: 'such as 192.0.2.10:53/udp or [2001:db8::10]:443; tcp unless given',
    value: target,
  },
  options: {
    via: required(via, 'the real server: its MAC, or its own address'),
    from: optional(prefixedAddress, 'an unused address of the network to ask from, such as 192.0.2.250/24'),
    interface: optional(device, 'where to ask; default: the way to the real server'),
    send: optional(hex, 'the datagram; default: the configured probe, or what the port’s protocol answers'),
    expect: optional(hex, 'how the answer begins'),
  },
  uses: { format: formats('text', 'json'), timeout: timeout() },
  after: `${EXIT_HELP}

Examples:
  rsprep probe service 192.0.2.10:443 --via 192.0.2.21 --from 192.0.2.250/24
  rsprep probe service 192.0.2.10:53/udp --via 52:54:00:12:34:56 --from 192.0.2.250/24`,
  run: async (context, options, [asked]) => {
    if (asked === undefined) throw new UsageError('expected VIP:PORT, received none');
    // IPv6 comes with a link-local address of its own; IPv4 has to be told which one is free.
    if (!isIpv6(asked.vip) && options.from === null)
      throw new UsageError('--from: expected an unused address of the network with its prefix length, received none');
    const question = questionOf(asked, options, await configured(context));
    const service: ServiceOptions = {
      ...{ ...asked, device: options.interface, via: options.via, from: options.from },
      mustAnswer: question !== null,
      // One line feed where nobody said better: many services answer anything.
      send: Uint8Array.from(Buffer.from(question?.send ?? '0a', 'hex')),
      expect: question?.expect ?? '',
    };
    await runProbe(context, 'probe service', (host) => probeService(host, service));
  },
});

function questionOf(
  { vip, protocol, port }: Target,
  { send, expect }: { readonly send: string | null; readonly expect: string | null },
  desired: Desired | null,
): KnownQuestion | null {
  if (send !== null) return { send, expect: expect ?? '' };
  const services = desired?.vips.find((known) => known.address === vip)?.services ?? [];
  const service = services.find((known) => known.protocol === protocol && known.port === port);
  // A TCP service that accepts the connection has answered.
  const known = questionFor(service ?? { protocol, port }) ?? (protocol === 'tcp' ? { send: '', expect: '' } : null);
  return known === null || expect === null ? known : { ...known, expect };
}
