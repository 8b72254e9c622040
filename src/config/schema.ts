import * as v from 'valibot';
import { type DurationLimits, formatDuration, giveTheUnit, rangeText } from '../core/duration.ts';
import { LO } from '../core/model/names.ts';
import { parseHostAddress, parseVip } from './address.ts';
import { DEFAULTS, LIMITS } from './defaults.ts';
import { parseDay, parseDevice, parseDuration, parseFindingGlob, parseReason, parseTextfile } from './fields.ts';
import { ok, type Parsed, problem } from './problem.ts';
import { boolean, encodeMessage, integer, list, type Schema, type Shapes, text } from './schema-parts.ts';
import { parseHex, parseService } from './service.ts';
import { suggest } from './suggest.ts';

/** The schedulers of the kernel (net/netfilter/ipvs/ip_vs_*.c). */
const SCHEDULERS = 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos'.split(' ');

/**
 * The configuration file. One source for the parser and for the JSON Schema; what relates two values (a director that
 * is a VIP, say) is in relations.ts.
 */
export function configSchema({ mapping, textOrMapping }: Shapes) {
  const vipAddress = text({
    what: 'A virtual IP address: IPv4 or IPv6, without a prefix length. It goes onto the device as a host address.',
    expected: 'an IPv4 or IPv6 address for a VIP',
    hint: 'write all parts of one address, such as 192.0.2.10 or 2001:db8::10',
    parse: parseVip,
    json: { pattern: '^[0-9a-fA-F:.]+$', examples: ['192.0.2.10', '2001:db8::10'] },
  });
  const hostAddress = (what: string) =>
    text({
      what,
      expected: 'an IPv4 or IPv6 address for a host',
      hint: 'write all parts of one address, such as 10.0.0.2 or 2001:db8::2',
      parse: parseHostAddress,
      json: { pattern: '^[0-9a-fA-F:.]+$', examples: ['10.0.0.2', '2001:db8::2'] },
    });
  const duration = (what: string, limits: DurationLimits, standard: string) =>
    v.optional(
      text({
        what: `${what} From ${formatDuration(limits.minMs)} to ${formatDuration(limits.maxMs)}.`,
        expected: rangeText(limits),
        hint: (input) =>
          typeof input === 'number' && input >= 0 ? giveTheUnit(input, limits) : 'such as 500ms, 1s, 5m, 24h or 7d',
        parse: (typed) => parseDuration(typed, limits),
        json: { pattern: '^[0-9]{1,9}(ms|s|m|h|d)$', examples: [standard] },
      }),
      standard,
    );
  const oneOf = <const T extends string>(what: string, values: readonly T[]) =>
    text<T>({
      what,
      expected: `one of ${values.join(', ')}`,
      hint: 'write one of them',
      parse: (typed) => parseWord(typed, values),
      json: { enum: values },
    });

  const hex = (what: string, minBytes: 0 | 1) =>
    text({
      what,
      expected: 'hexadecimal digits, two for every byte',
      hint: 'put the digits in quotes, so that YAML does not read them as a number',
      parse: (typed) => parseHex(typed, minBytes),
      json: { pattern: minBytes === 0 ? '^([0-9a-fA-F]{2})*$' : '^([0-9a-fA-F]{2})+$', maxLength: 510 },
    });
  const servicePort = text({
    what: 'Protocol and port, such as tcp/443. Direct routing cannot translate ports, so it is the port of the VIP and of the service on this host.',
    expected: 'tcp/PORT or udp/PORT, with a port of 1 to 65535',
    hint: (input) =>
      typeof input === 'number' && input > 0 ? `write tcp/${input} or udp/${input}` : 'such as tcp/443',
    parse: parseService,
    json: { pattern: '^(tcp|udp)/[1-9][0-9]{0,4}$', examples: ['tcp/443', 'udp/53'] },
  });
  const probe = mapping('a mapping of send and expect', {
    send: hex('The request, as hexadecimal digits; may be empty if the service speaks first.', 0),
    expect: hex('The reply to expect, as hexadecimal digits.', 1),
  });
  const service = textOrMapping(
    servicePort,
    v.pipe(
      mapping('a service such as tcp/443, or a mapping of port and probe', {
        port: servicePort,
        probe: v.optional(
          described(probe, 'A request sent from a socket bound to the RIP, and the reply it must get.'),
        ),
      }),
      v.transform(({ port, probe: asked }) => (asked === undefined ? port : { ...port, probe: asked })),
    ),
  );
  const vip = textOrMapping(
    v.pipe(
      vipAddress,
      v.transform((address) => ({ address, device: LO, services: [] as v.InferOutput<typeof service>[] })),
    ),
    mapping('an address, or a mapping of address, device and services', {
      address: vipAddress,
      device: v.optional(
        text({
          what: 'The device that holds the VIP: lo (the default), or for example a dummy device.',
          expected: 'the name of a network device',
          hint: 'put the name in quotes, so that YAML reads it as text',
          parse: parseDevice,
          json: { minLength: 1, maxLength: 15, pattern: '^[^/:\\s]+$', examples: ['lo', 'dummy0'] },
        }),
        'lo',
      ),
      services: v.optional(
        list('What the director offers on this VIP.', 'a list of services such as tcp/443', service),
        [],
      ),
    }),
  );

  const R = DEFAULTS.responder;
  const responder = mapping('a mapping of port, interval, lease, onDrift, unknownGrace and stopGrace', {
    port: v.optional(integer('UDP port of the health responder.', 1, 65535), R.port),
    interval: duration('How often the host is looked at.', LIMITS.interval, R.interval),
    lease: duration('How long one answer vouches; longer than interval.', LIMITS.lease, R.lease),
    onDrift: v.optional(
      oneOf('What the director gets while this host cannot serve: no answer, or the findings.', ['silent', 'report']),
      R.onDrift,
    ),
    unknownGrace: duration(
      'How long the last verdict holds while the host cannot be observed.',
      LIMITS.unknownGrace,
      R.unknownGrace,
    ),
    stopGrace: duration('How long it stays silent before it ends on SIGTERM.', LIMITS.stopGrace, R.stopGrace),
  });
  const report = mapping('a mapping of textfile and remind', {
    textfile: v.optional(
      text({
        what: "File for node_exporter's textfile collector: an absolute path that ends in .prom. None by default.",
        expected: 'an absolute path that ends in .prom',
        hint: 'write the path, or leave textfile out',
        parse: parseTextfile,
        json: { pattern: '^/.*\\.prom$', examples: ['/var/lib/prometheus/node-exporter/rsprep.prom'] },
      }),
    ),
    remind: duration('How long until the same finding is reported again.', LIMITS.remind, DEFAULTS.report.remind),
  });
  const ignore = mapping('a mapping of id, reason and until', {
    id: text({
      what: 'Glob over finding ids: * stands for any characters, ? for one.',
      expected: 'the id of a finding',
      hint: 'put the id in quotes',
      parse: parseFindingGlob,
      json: { minLength: 1, maxLength: 128, examples: ['arp-ignore@eth9'] },
    }),
    reason: text({
      what: 'The reason; shown in place of the finding.',
      expected: 'a sentence of 1 to 200 characters',
      hint: 'put the sentence in quotes',
      parse: parseReason,
      json: { minLength: 1 },
    }),
    until: v.optional(
      text({
        what: 'Last day it holds (UTC), as YYYY-MM-DD. For ever by default.',
        expected: 'a day as YYYY-MM-DD',
        hint: 'write it like 2027-01-31',
        parse: parseDay,
        json: { pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', examples: ['2027-01-31'] },
      }),
    ),
  });
  const farm = mapping('a mapping of scheduler and realServers', {
    scheduler: v.optional(oneOf('The IPVS scheduler of the director.', SCHEDULERS), DEFAULTS.farm.scheduler),
    realServers: list(
      'Every real server of the farm, this one too.',
      'a list of mappings with rip and weight',
      mapping('a mapping of rip and weight', {
        rip: hostAddress('Address of a real server.'),
        weight: v.optional(integer('Its weight; 0 gets no new connections.', 0, 65535), DEFAULTS.farm.weight),
      }),
    ),
  });

  return mapping('a mapping that begins with "version: 1"', {
    version: v.pipe(
      v.literal(1, (issue) => wrongVersion(issue.input)),
      v.description('Version of this format: 1.'),
    ),
    vips: list('The VIPs of this host.', 'a list of addresses or mappings', vip),
    rip: v.optional(
      hostAddress("This host's own address. By default the primary address of the NIC that faces the directors."),
    ),
    directors: v.optional(
      list(
        'Addresses of the directors: they must be on-link, and they may ask the responder.',
        'a list of addresses',
        hostAddress('Address of a director.'),
      ),
      [],
    ),
    role: v.optional(oneOf('localnode: this host is also a director.', ['real-server', 'localnode']), DEFAULTS.role),
    persist: v.optional(boolean('Whether the sysctls are also written to /etc/sysctl.d.'), DEFAULTS.persist),
    responder: v.optional(described(responder, 'The UDP health responder.'), {}),
    report: v.optional(described(report, 'Where and how often "rsprep report" reports.'), {}),
    ignore: v.optional(
      list('Findings to leave out of the verdict.', 'a list of mappings with id, reason and until', ignore),
      [],
    ),
    farm: v.optional(described(farm, 'The whole farm; only "rsprep render" reads it.')),
  });
}

/** Everything the file said, defaults filled in, not yet checked for what relates two values. */
export type ParsedDocument = v.InferOutput<ReturnType<typeof configSchema>>;

const described = <I, O>(schema: Schema<I, O>, what: string): Schema<I, O> => v.pipe(schema, v.description(what));

function parseWord<T extends string>(typed: string, values: readonly T[]): Parsed<T> {
  const known = values.find((value) => value === typed);
  if (known !== undefined) return ok(known);
  const meant = suggest(typed, values);
  const hint = meant === null ? 'write one of them' : `did you mean ${meant}?`;
  return problem(typed, 'not one of the possible values', `one of ${values.join(', ')}`, hint);
}

function wrongVersion(input: unknown): string {
  const hint =
    input === '1'
      ? 'write 1 without quotes'
      : typeof input === 'number' && input > 1
        ? 'this file needs a newer rsprep, or is no configuration of rsprep'
        : 'write "version: 1"';
  return encodeMessage('not a version of this format that this rsprep reads', '1', hint);
}
