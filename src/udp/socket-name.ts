import { textOf4, textOf6 } from './address.ts';
import { systemError } from './errors.ts';
import { scoped } from './incoming.ts';
import type { Handle, Native } from './native.ts';
import { decodeSocketAddress } from './socket-address.ts';

export interface SocketName {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
}

/** getsockname(2), as dgram gives it. @throws SocketError when it fails */
export function nameOf(native: Native, handle: Handle, family: 4 | 6): SocketName {
  const bytes = new Uint8Array(28);
  const status = native.name(handle, bytes);
  if (status < 0) throw systemError(status, 'getsockname');
  const { words, port, scope } = decodeSocketAddress(bytes);
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return family === 4
    ? { address: textOf4(a), family: 'IPv4', port }
    : { address: scoped(textOf6(a, b, c, d), scope), family: 'IPv6', port };
}
