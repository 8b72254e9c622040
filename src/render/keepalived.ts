import type { Desired, FarmRealServer } from '../core/model/desired.ts';
import type { Ip } from '../core/model/names.ts';
import { encodeRequest, type Subject, toHex, VOUCHED_PREFIX, WIRE } from '../udp/protocol.ts';
import { directorNotes } from './director-notes.ts';
import { comment, farmOf, type Rendered, type VirtualService } from './farm.ts';

export interface KeepalivedOptions {
  /** `udp`: keepalived asks the responder itself (2.1 and later). `misc`: through `rsprep ask`, installed on the director. */
  readonly check: 'udp' | 'misc';
  /** Also connect to each TCP service at RIP:port. Only where the service listens there too, not on the VIP alone. */
  readonly tcpCheck: boolean;
  /** Virtual services by firewall mark, for localnode: the first VIP's mark; null for address and port. */
  readonly fwmark: number | null;
}

const PROGRAM = '/usr/bin/rsprep';

/**
 * `virtual_server` blocks for keepalived.conf (2.1 or later): direct routing, every service of every VIP, each real
 * server's health asked from its responder for that VIP and service.
 */
export function renderKeepalived(desired: Desired, options: KeepalivedOptions): Rendered {
  const farm = farmOf(desired, options.fwmark);
  if ('kind' in farm) return farm;
  const head = comment([
    'Virtual servers for keepalived on the directors, rendered by rsprep. Render again instead of editing.',
    '',
    'A real server is asked whether it vouches for the service; the answer comes from its rsprep responder, which looks',
    "at the VIP, the ARP settings and the service itself. The director's own addresses must be among `directors:` in",
    "the real servers' configuration, or they are not answered.",
    '',
    'If every check of a service fails at once, the cause is more likely the check than all servers. quorum and',
    'sorry_server then keep the real server with the greatest weight in rotation, unchecked, until one answers again.',
    '',
    ...directorNotes(farm),
  ]);
  const blocks = farm.services.map((virtual) => virtualServer(virtual, farm.scheduler, desired, options));
  const globals = options.check === 'misc' ? [SCRIPTS] : [];
  return { kind: 'text', text: `${[head, ...globals, ...blocks].join('\n\n')}\n` };
}

function virtualServer(
  virtual: VirtualService,
  scheduler: string,
  desired: Desired,
  options: KeepalivedOptions,
): string {
  const { vip, service, mark, realServers } = virtual;
  const name = service === null ? `fwmark ${mark}` : `${vip} ${service.port}`;
  const ofPort = (rip: Ip): string => (service === null ? rip : `${rip} ${service.port}`);
  const [lastResort] = [...realServers].sort((a, b) => b.weight - a.weight);
  return block(`virtual_server ${name}`, [
    ...(service === null ? [comment([`packets for ${vip} that carry mark ${mark}`])] : []),
    `delay_loop ${seconds(desired.responder.intervalMs)}`,
    `lb_algo ${scheduler}`,
    'lb_kind DR',
    ...(service === null ? ipFamily(vip) : [`protocol ${service.protocol.toUpperCase()}`]),
    'quorum 1',
    ...(lastResort === undefined ? [] : [`sorry_server ${ofPort(lastResort.rip)}`]),
    ...realServers.map((server) => realServer(server, virtual, ofPort(server.rip), desired, options)),
  ]);
}

function realServer(
  server: FarmRealServer,
  virtual: VirtualService,
  name: string,
  desired: Desired,
  options: KeepalivedOptions,
): string {
  const { service, vip } = virtual;
  const subject: Subject = {
    vip,
    ...(service === null ? {} : { service: { protocol: service.protocol, port: service.port } }),
  };
  const responder =
    options.check === 'udp'
      ? udpCheck(subject, desired.responder.port)
      : miscCheck(subject, server.rip, desired.responder.port);
  const connects =
    options.tcpCheck && service?.protocol === 'tcp'
      ? [block('TCP_CHECK', [`connect_port ${service.port}`, 'connect_timeout 1', ...RETRY])]
      : [];
  return block(`real_server ${name}`, [`weight ${server.weight}`, responder, ...connects]);
}

/** Without these keepalived runs checks as root and says so at every start; asking needs no privilege. */
const SCRIPTS = [
  comment([
    'keepalived 2.2.7\'s keepalived -t ends itself (status 143, "Terminated") for any script_user but root; keepalived itself',
    'runs well with it.',
  ]),
  block('global_defs', ['script_user nobody', 'enable_script_security']),
].join('\n');

/** One lost datagram is not an outage, two in a row are. */
const RETRY = ['retry 1', 'delay_before_retry 0.2', 'warmup 0'] as const;

function udpCheck(subject: Subject, port: number): string {
  const payload = encodeRequest({ type: 'vote', nonce: new Uint8Array(8), subject });
  return block('UDP_CHECK', [
    `connect_port ${port}`,
    `payload ${toHex(payload)}`,
    // Without require_reply a silent server counts as up; without min_reply_length a shorter reply would do.
    `require_reply ${toHex(VOUCHED_PREFIX)}`,
    `min_reply_length ${WIRE.replyHeader}`,
    'connect_timeout 0.5',
    ...RETRY,
  ]);
}

function miscCheck(subject: Subject, rip: Ip, port: number): string {
  const at = rip.includes(':') ? `[${rip}]:${port}` : `${rip}:${port}`;
  const service = subject.service === undefined ? '' : ` --service ${subject.service.protocol}/${subject.service.port}`;
  return block('MISC_CHECK', [
    `misc_path "${PROGRAM} ask --keepalived --timeout 500ms ${at} --vip ${subject.vip}${service}"`,
    // The program waits no longer than its own --timeout; a busy director, on which it starts slowly, must not empty the farm.
    'misc_timeout 10',
    ...RETRY,
  ]);
}

/** keepalived takes the family of a mark from its real servers; said here as well, for the reader. */
const ipFamily = (vip: Ip): string[] => (vip.includes(':') ? ['ip_family inet6'] : []);

const seconds = (ms: number): string => String(ms / 1000);

function block(head: string, lines: readonly string[]): string {
  const body = lines.flatMap((line) => line.split('\n')).map((line) => `    ${line}`);
  return [`${head} {`, ...body, '}'].join('\n');
}
