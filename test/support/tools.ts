// The C programs beside this file: compiled once into build/tools, started in a host, their counters read as JSON.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DIRECTOR, type Host, type Network, RIP, VIP } from './netns.ts';
import { must } from './process.ts';

const here = dirname(fileURLToPath(import.meta.url));
const cache = join(here, '../../build/tools');

/** Path of the compiled tool; the name carries a hash of its source, so that a changed source is compiled again. */
export function tool(name: 'arpflood' | 'lanpeer' | 'syscallfault' | 'udpecho' | 'udpload'): string {
  const source = join(here, 'tools', `${name}.c`);
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const binary = join(cache, `${name}-${hash}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  must(['cc', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread', '-o', fresh, source]);
  renameSync(fresh, binary);
  return binary;
}

export interface FloodCounters {
  readonly final: boolean;
  readonly seconds: number;
  readonly sent: number;
  readonly ratePerS: number;
  /** ICMP requests to the VIP from invented clients: each makes the real server ask ARP for one. */
  readonly provoked: number;
  readonly sendErrors: number;
  /** ARP replies whose sender is a VIP. */
  readonly replies: number;
  /** ARP requests (gratuitous ones too) whose sender is a VIP. */
  readonly requestsWithSenderVip: number;
  /** Replies for the RIP, which was asked all along: proof that questions arrived and that replies would be seen. */
  readonly controlReplies: number;
  readonly longestControlGapMs: number;
  /** Matching frames that the kernel could not queue for the counter: must be 0 for the counts to mean anything. */
  readonly kernelDrops: number;
  readonly macs: readonly string[];
}

export interface LoadCounters {
  readonly final: boolean;
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  readonly firstLost: number;
  readonly duplicates: number;
  readonly wrongSource: number;
  readonly wrongAddress: string;
  readonly sendErrors: number;
  readonly longestGapMs: number;
}

export interface Running<Counters> {
  /** Counters so far; it goes on. */
  mark(): Promise<Counters>;
  /** Ends it and returns the final counters. */
  stop(): Promise<Counters>;
}

export interface FloodOptions {
  readonly vip?: string;
  /** Consecutive addresses from `vip` on, asked for in turn. */
  readonly vips?: number;
  readonly ratePerS?: number;
  /** ICMP requests a second that make the real server ask ARP for invented clients. */
  readonly provokePerS?: number;
  readonly seconds?: number;
}

/** ARP questions for the VIP from the director, half broadcast, half straight to the real server. */
export function startFlood(net: Network, options: FloodOptions = {}): Promise<Running<FloodCounters>> {
  const { vip = VIP, vips = 1, ratePerS = 150_000, provokePerS = 500, seconds = 120 } = options;
  return startTool<FloodCounters>(net, net.director, [
    ...[tool('arpflood'), '--interface', 'eth0', '--vip', vip, '--vips', String(vips), '--source', DIRECTOR],
    ...['--control', RIP, '--rs-mac', net.rs.mac, '--rate', String(ratePerS), '--provoke', String(provokePerS)],
    ...['--seconds', String(seconds)],
  ]);
}

export interface EchoOptions {
  readonly bind?: string;
  readonly port?: number;
  readonly pktinfo?: boolean;
  /** SO_BINDTODEVICE. */
  readonly device?: string;
  readonly reuseport?: boolean;
  /** IPV6_V6ONLY. */
  readonly only6?: boolean;
}

/** A UDP echo server on the real server. */
export function startEcho(net: Network, options: EchoOptions = {}): Promise<Running<{ readonly received: number }>> {
  const { bind = '0.0.0.0', port = 5353, pktinfo = true, device = '', reuseport = false, only6 = false } = options;
  const flag = (on: boolean): string => (on ? '1' : '0');
  return startTool(net, net.rs, [
    ...[tool('udpecho'), '--bind', bind, '--port', String(port), '--pktinfo', flag(pktinfo)],
    ...['--device', device, '--reuseport', flag(reuseport), '--only6', flag(only6)],
  ]);
}

/** A UDP client on the client host: every request is accounted for. */
export function startLoad(
  net: Network,
  options: { readonly to?: string; readonly port?: number; readonly ratePerS?: number; readonly seconds?: number } = {},
): Promise<Running<LoadCounters>> {
  const { to = VIP, port = 5353, ratePerS = 20_000, seconds = 60 } = options;
  const argv = [
    tool('udpload'),
    '--to',
    to,
    '--port',
    String(port),
    '--rate',
    String(ratePerS),
    '--seconds',
    String(seconds),
  ];
  return startTool(net, net.client, argv);
}

async function startTool<Counters>(net: Network, host: Host, argv: readonly string[]): Promise<Running<Counters>> {
  const { child, done } = host.start(argv);
  net.onEnd(() => {
    child.kill('SIGKILL');
  });
  if (!child.stdout) throw new Error(`${argv[0]}: no standard output`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done) throw new Error(`${argv.join(' ')} ended: ${JSON.stringify(await done)}`);
    return JSON.parse(line.value);
  };
  await nextLine(); // {"ready":true}
  return {
    mark: async () => {
      child.stdin?.write('\n');
      return (await nextLine()) as Counters;
    },
    stop: async () => {
      child.stdin?.end();
      const counters = (await nextLine()) as Counters;
      await done;
      return counters;
    },
  };
}
