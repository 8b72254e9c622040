/**
 * rsprep/udp: node:dgram's socket for services behind LVS direct routing, which must answer from the address they were asked
 * at. See docs/udp.md.
 */
import type { SocketOptions } from './options.ts';
import { type RemoteInfoListener, Socket } from './socket.ts';

export type { Answer, Answers } from './answer.ts';
export { bootTimeMs } from './boot-time.ts';
export type { SocketError } from './errors.ts';
export type { RemoteInfo } from './incoming.ts';
export type { SocketEvents } from './kernel-options.ts';
export type { Rate, RateLimit, SocketOptions } from './options.ts';
export {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  type Protocol,
  type Reply,
  type Request,
  type RequestType,
  type Subject,
  VERDICTS,
  type Verdict,
} from './protocol.ts';
export { Socket } from './socket.ts';
export type { Message, SendOptions } from './socket-arguments.ts';
export type { SocketStats } from './stats.ts';

/**
 * As dgram.createSocket: `createSocket('udp4', listener)` or `createSocket({ type: 'udp4', … }, listener)`.
 * @throws Error when the addon cannot be loaded; RangeError or TypeError for an impossible option
 */
export function createSocket(options: SocketOptions | 'udp4' | 'udp6', listener?: RemoteInfoListener): Socket {
  const socket = new Socket(typeof options === 'string' ? { type: options } : options);
  if (listener !== undefined) socket.on('message', listener);
  return socket;
}
