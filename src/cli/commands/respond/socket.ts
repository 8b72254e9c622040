import type { Desired } from '../../../core/model/desired.ts';
import { type Answers, createSocket, type RateLimit, type Socket, type SocketStats } from '../../../udp/index.ts';
import { bound, type Held } from './held.ts';

/**
 * One socket for the directors, and one for each loopback address: whoever is on this host may ask as well (`rsprep ask 127.0.0.1`),
 * and must not be able to fill the directors' queue or use up their limit.
 */
export interface HealthSockets {
  setAnswers(answers: Answers): void;
  renewAnswers(leaseMs: number, sinceMs: number): void;
  /** Of all together. */
  stats(): SocketStats;
  close(): Promise<void>;
}

type Opened =
  | { readonly kind: 'open'; readonly sockets: HealthSockets; readonly notes: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * About what one core can answer: a limit below that lets a flood with a director's address as source take that director's place.
 * Strangers are dropped by the kernel before they count, and a reply is never longer than its request.
 */
const LEAST_PER_SECOND = 400_000;
/** How often in an interval of ours every director may ask about everything. */
const ASKED_PER_INTERVAL = 8;
const LOCAL_RATE: RateLimit = { total: { perSecond: 20_000, burst: 2000 } };

/** What a small datagram takes of a receive buffer (skb->truesize), bytes; a buffer takes a few milliseconds of a flood. */
const QUEUED_BYTES = 1024;
const [LEAST_BUFFER, MOST_BUFFER] = [1024 * 1024, 8 * 1024 * 1024];

const LOCAL = [
  { type: 'udp4', address: '127.0.0.1', source: '127.0.0.0/8' },
  { type: 'udp6', address: '::1', source: '::1' },
] as const;

/** What every director may ask in a second, and in one instant: it grows with what this host offers. */
export function loadOf({ vips, directors, responder }: Desired): {
  readonly perSecond: number;
  readonly atOnce: number;
} {
  const subjects = vips.reduce((sum, { services }) => sum + 1 + services.length, 1);
  const atOnce = subjects * Math.max(1, directors.length);
  const perSecond = (ASKED_PER_INTERVAL * atOnce * 1000) / responder.intervalMs;
  return { atOnce, perSecond: Math.min(1e9, Math.max(LEAST_PER_SECOND, perSecond)) };
}

/**
 * On every address, IPv4 and IPv6; IPv4 alone where the kernel has no IPv6.
 * @param held what systemd passed: those of this port are used, and none is opened besides them
 */
export async function openHealthSockets(
  settings: Desired,
  more: readonly string[],
  held: readonly Held[],
): Promise<Opened> {
  const { port } = settings.responder;
  const passed = held.filter((one) => one.port === port);
  const main = passed.find(({ address }) => address === '::' || address === '0.0.0.0');
  const local = await openLocal(port, main === undefined ? null : passed);
  // Where there is no socket for it, a loopback address is answered by the directors' one; beside a held one the port is not free.
  const uncovered =
    main !== undefined && local.length > 0 ? [] : LOCAL.filter((one) => !local.some(({ of }) => of === one));
  const allow = [...settings.directors, ...more, ...uncovered.map(({ source }) => source)];
  const opened = await openMain(settings, allow, main);
  if (opened instanceof Error) {
    for (const { socket } of local) socket.close();
    return { kind: 'failed', reason: `UDP port ${port} cannot be opened: ${opened.message}` };
  }
  const sockets = [opened, ...local.map(({ socket }) => socket)];
  if (main === undefined) for (const socket of sockets) socket.keepPort();
  return { kind: 'open', sockets: together(sockets), notes: main === undefined ? notesOn(held, port) : [] };
}

async function openLocal(
  port: number,
  passed: readonly Held[] | null,
): Promise<readonly { readonly of: (typeof LOCAL)[number]; readonly socket: Socket }[]> {
  const opened: { of: (typeof LOCAL)[number]; socket: Socket }[] = [];
  for (const one of LOCAL) {
    const { type, address, source } = one;
    const own = passed?.find((candidate) => candidate.address === address && candidate.type === type);
    if (passed !== null && own === undefined) continue;
    const options = { type, strict: true, maxPayload: 256, batch: 16, allow: [source], rateLimit: LOCAL_RATE };
    const socket = createSocket({ ...options, reusePort: own === undefined, ipv6Only: type === 'udp6' });
    if ((await bound(socket, own ? { fd: own.copy() } : { port, address })) === null) opened.push({ of: one, socket });
    else socket.close();
  }
  return opened;
}

async function openMain(settings: Desired, allow: readonly string[], held: Held | undefined): Promise<Socket | Error> {
  const { perSecond, atOnce } = loadOf(settings);
  const bytes = Math.min(MOST_BUFFER, Math.max(LEAST_BUFFER, atOnce * QUEUED_BYTES));
  let failure = new Error('there is no IPv4 and no IPv6');
  for (const type of held ? [held.type] : (['udp6', 'udp4'] as const)) {
    const socket = createSocket({
      type,
      strict: true,
      maxPayload: 256,
      allow: allow.filter((entry) => type === 'udp6' || !entry.includes(':')),
      kernelFilter: true,
      rateLimit: { total: { perSecond, burst: perSecond } },
      // systemd may give more than an unprivileged process can ask for (ReceiveBuffer=).
      ...(held ? {} : { reusePort: true, recvBufferSize: bytes }),
    });
    const error = await bound(socket, held ? { fd: held.copy() } : { port: settings.responder.port });
    if (error === null) return socket;
    socket.close();
    failure = error;
    if (!/^(EAFNOSUPPORT|EADDRNOTAVAIL)$/.test('code' in error ? String(error.code) : '')) break;
  }
  return failure;
}

const notesOn = (held: readonly Held[], port: number): readonly string[] =>
  held.length === 0
    ? []
    : [
        `systemd holds UDP port ${[...new Set(held.map((one) => one.port))].join(', ')} for this service, expected ${port} by the configuration: ` +
          'that port is opened without it. Run `rsprep install` again, then systemctl restart rsprep-responder.socket rsprep-responder',
      ];

const together = (sockets: readonly Socket[]): HealthSockets => ({
  setAnswers: (answers) => {
    for (const socket of sockets) socket.setAnswers(answers);
  },
  renewAnswers: (leaseMs, sinceMs) => {
    for (const socket of sockets) socket.renewAnswers(leaseMs, sinceMs);
  },
  stats: () => {
    const [first, ...others] = sockets.map((socket) => Object.entries(socket.stats()));
    const sums = (first ?? []).map(([name, value], i) => [
      name,
      others.reduce((sum, one) => sum + (one[i]?.[1] ?? 0), value),
    ]);
    return Object.fromEntries(sums) as SocketStats;
  },
  close: async () => {
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  },
});
