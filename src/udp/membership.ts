import { wordsOf } from './address.ts';
import { systemError, usageError } from './errors.ts';
import { loadNative, type Native } from './native.ts';

/** struct ip_mreqn: group, address of the interface, index. @throws SocketError for what is no IPv4 address */
export function group4(group: string, multicastInterface = '0.0.0.0'): Uint8Array {
  return words4(group, multicastInterface, '0.0.0.0');
}

/** struct ip_mreq_source: group, address of the interface, source. @throws SocketError for what is no IPv4 address */
export function source4(source: string, group: string, multicastInterface = '0.0.0.0'): Uint8Array {
  return words4(group, multicastInterface, source);
}

/** struct ipv6_mreq: group, index. @throws SocketError for a group that is no IPv6 address, or an unknown interface */
export function group6(group: string, multicastInterface: string | undefined): Uint8Array {
  const bytes = new Uint8Array(20);
  putWords(bytes, 0, group, 6);
  new DataView(bytes.buffer).setInt32(16, zone(loadNative(), multicastInterface), true);
  return bytes;
}

/** struct group_source_req: index, and two struct sockaddr_storage of 128 bytes. @throws SocketError as group6 */
export function source6(source: string, group: string, multicastInterface: string | undefined): Uint8Array {
  const bytes = new Uint8Array(8 + 2 * 128);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, zone(loadNative(), multicastInterface), true);
  [group, source].forEach((address, index) => {
    const at = 8 + 128 * index;
    view.setUint16(at, 10, true); // AF_INET6
    putWords(bytes, at + 8, address, 6);
  });
  return bytes;
}

/** Index of the interface that `::%eth0` names; 0, the kernel's choice, where none is named. */
export function zone(native: Native, text = '::'): number {
  if (!text.includes('%')) {
    if (wordsOf(text, 6) !== null) return 0;
    throw usageError('EINVAL', `expected an interface such as ::%eth0, received ${JSON.stringify(text)}`);
  }
  const name = text.slice(text.indexOf('%') + 1);
  const index = /^\d+$/.test(name) ? Number(name) : native.interfaceIndex(name);
  if (index < 0) throw systemError(index, `interface ${name}`);
  return index;
}

function words4(...addresses: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(4 * addresses.length);
  addresses.forEach((address, index) => {
    putWords(bytes, 4 * index, address, 4);
  });
  return bytes;
}

function putWords(bytes: Uint8Array, at: number, address: string, family: 4 | 6): void {
  const words = wordsOf(address, family);
  if (words === null)
    throw usageError('EINVAL', `expected an IPv${family} address, received ${JSON.stringify(address)}`);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setUint32(at + 4 * index, word);
  });
}
