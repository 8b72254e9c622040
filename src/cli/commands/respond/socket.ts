import { createSocket, type RateLimit, type Socket } from '../../../udp/index.ts';

/**
 * Each director asks a few times a second; more than this is a flood with its address as source, and must not silence the
 * others. In all: more than every director of a large farm together.
 */
const RATE_LIMIT: RateLimit = {
  prefix4: 32,
  prefix6: 128,
  perSource: { perSecond: 1000, burst: 2000 },
  total: { perSecond: 100_000, burst: 100_000 },
};

/** Whoever is on this host may ask as well: `rsprep ask 127.0.0.1`. */
const LOCAL = ['127.0.0.0/8', '::1'];

type Opened = { readonly kind: 'open'; readonly socket: Socket } | { readonly kind: 'failed'; readonly reason: string };

/** A socket on every address, IPv4 and IPv6; IPv4 alone where the kernel has no IPv6. */
export async function openHealthSocket(port: number, allow: readonly string[]): Promise<Opened> {
  for (const type of ['udp6', 'udp4'] as const) {
    const fits = allow.filter((entry) => type === 'udp6' || !entry.includes(':'));
    const options = { type, strict: true, maxPayload: 256, allow: [...fits, ...LOCAL], rateLimit: RATE_LIMIT };
    const socket = createSocket(options);
    const error = await bound(socket, port);
    if (error === null) return { kind: 'open', socket };
    socket.close();
    if (type === 'udp4' || !/^(EAFNOSUPPORT|EADDRNOTAVAIL)$/.test('code' in error ? String(error.code) : '')) {
      return { kind: 'failed', reason: `UDP port ${port} cannot be opened: ${error.message}` };
    }
  }
  return { kind: 'failed', reason: `UDP port ${port} cannot be opened` };
}

const bound = (socket: Socket, port: number): Promise<Error | null> =>
  new Promise((resolve) => {
    socket.once('error', resolve);
    socket.bind(port, () => {
      socket.off('error', resolve);
      resolve(null);
    });
  });
