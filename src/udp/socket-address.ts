import { lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import { type Words, wordsOf } from './address.ts';
import { usageError } from './errors.ts';
import type { Native } from './native.ts';

/** An address for one datagram: its words and, for link-local IPv6, the interface. */
export interface Endpoint {
  readonly words: Words;
  readonly scope: number;
}

/** `fe80::1%eth0` or a plain address; null when it is no address for a socket of this family. */
export function parseEndpoint(native: Native, text: string, family: 4 | 6): Endpoint | null {
  const percent = text.indexOf('%');
  const words = wordsOf(percent < 0 ? text : text.slice(0, percent), family);
  if (words === null) return null;
  if (percent < 0) return { words, scope: 0 };
  const zone = text.slice(percent + 1);
  const scope = /^\d+$/.test(zone) ? Number(zone) : native.interfaceIndex(zone);
  return scope > 0 ? { words, scope } : null;
}

/** struct sockaddr_in or sockaddr_in6, for bind(2). */
export function encodeSocketAddress(endpoint: Endpoint, port: number, family: 4 | 6): Uint8Array {
  const bytes = new Uint8Array(family === 4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 4 ? 2 : 10, true);
  view.setUint16(2, port);
  const at = family === 4 ? 4 : 8;
  endpoint.words.forEach((word, index) => {
    view.setUint32(at + 4 * index, word);
  });
  if (family === 6) view.setUint32(24, endpoint.scope, true);
  return bytes;
}

export function decodeSocketAddress(bytes: Uint8Array): { words: Words; port: number; scope: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const four = view.getUint16(0, true) === 2;
  const words = four ? [view.getUint32(4)] : [8, 12, 16, 20].map((at) => view.getUint32(at));
  return { words, port: view.getUint16(2), scope: four ? 0 : view.getUint32(24, true) };
}

/** `fe80::1%eth0` or a plain address. @throws SocketError when it is no address for a socket of this family */
export function requireEndpoint(native: Native, text: string, family: 4 | 6): Endpoint {
  const endpoint = parseEndpoint(native, text, family);
  if (endpoint !== null) return endpoint;
  throw usageError('EINVAL', `expected an IP address for a udp${family} socket, received ${JSON.stringify(text)}`);
}

/** Calls back on a later tick with the address, looked up when it is a name. */
export function resolveEndpoint(
  native: Native,
  name: string,
  family: 4 | 6,
  lookup: typeof systemLookup | undefined,
  done: (error: Error | null, endpoint: Endpoint) => void,
): void {
  const none: Endpoint = { words: [], scope: 0 };
  const finish = (address: string): void => {
    const endpoint = parseEndpoint(native, address, family);
    const error = endpoint === null ? usageError('EINVAL', `no address for a udp${family} socket: ${address}`) : null;
    done(error, endpoint ?? none);
  };
  if (isIP(name) !== 0) {
    process.nextTick(finish, name);
    return;
  }
  (lookup ?? systemLookup)(name, { family }, (error, address) => {
    if (error === null) finish(address);
    else done(error, none);
  });
}
