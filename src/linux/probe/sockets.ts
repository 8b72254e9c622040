import { closeSync } from 'node:fs';
import type { Asked, Question } from '../../app/ports/probe.ts';
import { familyOf, type Ip, kernelIp } from '../../core/model/names.ts';
import { textOf4, textOf6, wordsOf } from '../../udp/address.ts';
import { decodeSocketAddress, encodeSocketAddress } from '../../udp/socket-address.ts';
import { errnoText } from './errno.ts';
import { ADDRESS_ROOM, FAMILY, type Packets, POLL_OUT, SOCKET } from './native.ts';

const EINTR = -4;
const ECONNREFUSED = -111;
const EINPROGRESS = -115;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
/** IP_RECVERR and IPV6_RECVERR: an unconnected socket then hears of ICMP errors too, ip(7), ipv6(7). */
const RECEIVE_ERRORS = { 4: [0, 11], 6: [41, 25] } as const;

export const familyNumber = (ip: Ip): number => (familyOf(ip) === 6 ? FAMILY.inet6 : FAMILY.inet);

export const socketAddress = (ip: Ip, port: number): Uint8Array =>
  encodeSocketAddress({ words: wordsOf(ip, familyOf(ip)) ?? [], scope: 0 }, port, familyOf(ip));

export function addressOf(bytes: Uint8Array): { readonly ip: Ip; readonly port: number } {
  const { words, port } = decodeSocketAddress(bytes);
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return { ip: kernelIp(words.length === 1 ? textOf4(a) : textOf6(a, b, c, d)), port };
}

export interface Received {
  readonly from: { readonly ip: Ip; readonly port: number };
  readonly bytes: Uint8Array;
  /** Negated errno, or 0. */
  readonly error: number;
}

/** One datagram, or null when none came in time. */
export function receiveOne(packets: Packets, fd: number, timeoutMs: number): Received | null {
  const buffer = new Uint8Array(ADDRESS_ROOM + 4096);
  const info = new Int32Array(4);
  if (packets.receiveBytes(Int32Array.of(fd), timeoutMs, buffer, info) <= 0) return null;
  const [, , length = 0, error = 0] = info;
  return {
    from: addressOf(buffer.subarray(0, ADDRESS_ROOM)),
    bytes: buffer.slice(ADDRESS_ROOM, ADDRESS_ROOM + length),
    error,
  };
}

/** Asks a service from a socket in a namespace. Blocks, bounded. */
export function askIn(packets: Packets, namespace: number, question: Question, timeoutMs: number): Asked {
  const { ip, protocol } = question;
  const type = protocol === 'udp' ? SOCKET.datagram : SOCKET.stream;
  const fd = packets.openIn(namespace, familyNumber(ip), type, 0);
  if (fd < 0) return { kind: 'error', reason: errnoText(fd).text };
  try {
    return protocol === 'udp' ? askUdp(packets, fd, question, timeoutMs) : connect(packets, fd, question, timeoutMs);
  } finally {
    closeSync(fd);
  }
}

function askUdp(packets: Packets, fd: number, { ip, port, send }: Question, timeoutMs: number): Asked {
  const [level, name] = RECEIVE_ERRORS[familyOf(ip)];
  packets.setSocketOption(fd, level, name, Uint8Array.of(1, 0, 0, 0));
  const sent = packets.sendBytes(fd, send, socketAddress(ip, port));
  if (sent < 0) return refusedOr(sent);
  const received = receiveOne(packets, fd, timeoutMs);
  if (received === null) return { kind: 'silence' };
  if (received.error < 0) return refusedOr(received.error);
  return { kind: 'answer', answer: { from: received.from.ip, bytes: received.bytes } };
}

function connect(packets: Packets, fd: number, { ip, port }: Question, timeoutMs: number): Asked {
  const status = packets.connectTo(fd, socketAddress(ip, port));
  if (status === 0) return { kind: 'connected' };
  if (status !== EINPROGRESS) return refusedOr(status);
  const ready = waitThroughSignals(packets, fd, timeoutMs);
  if (ready === 0) return { kind: 'silence' };
  if (ready < 0) return refusedOr(ready);
  const error = packets.getSocketOption(fd, SOL_SOCKET, SO_ERROR);
  return error === 0 ? { kind: 'connected' } : refusedOr(-Math.abs(error));
}

/** ppoll(2) ends early when a signal is handled: a resized terminal is no answer. @returns revents, 0 when none came, or a negative errno */
function waitThroughSignals(packets: Packets, fd: number, timeoutMs: number): number {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = Math.max(0, Math.ceil(endMs - performance.now()));
    const ready = packets.waitOn(fd, POLL_OUT, leftMs);
    if (ready !== EINTR || leftMs === 0) return ready === EINTR ? 0 : ready;
  }
}

const refusedOr = (status: number): Asked =>
  status === ECONNREFUSED ? { kind: 'refused' } : { kind: 'error', reason: errnoText(status).text };
