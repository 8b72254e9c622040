import { usageError } from './errors.ts';
import type { SendCallback } from './outgoing.ts';

export type Message = string | NodeJS.ArrayBufferView | readonly (string | NodeJS.ArrayBufferView)[];

export interface BindTarget {
  readonly port?: number;
  readonly address?: string;
  /** A bound UDP socket to take over, as from socket activation (systemd passes 3). */
  readonly fd?: number;
}

export interface SendOptions {
  readonly localAddress?: string;
  readonly interfaceIndex?: number;
}

interface SendArguments {
  readonly bytes: Uint8Array;
  readonly port: number;
  readonly address: string | undefined;
  readonly options: SendOptions;
  readonly callback: SendCallback | undefined;
}

export function bindArguments(given: readonly unknown[]): { target: BindTarget; callback: (() => void) | undefined } {
  const [first, second] = given;
  const callback = given.find((value) => typeof value === 'function') as (() => void) | undefined;
  if (typeof first === 'object' && first !== null) return { target: first as BindTarget, callback };
  const port = first === undefined || first === null || typeof first === 'function' ? 0 : portOf(first, 0);
  return { target: typeof second === 'string' && second !== '' ? { port, address: second } : { port }, callback };
}

/** `(message, [offset, length,] port, [address,] [options,] [callback])` */
export function sendArguments(message: Message, given: readonly unknown[]): SendArguments {
  const [, second, third] = given;
  const ranged = typeof third === 'number' || typeof third === 'string' ? !isAddress(second) : false;
  const rest = ranged ? given.slice(2) : given;
  const whole = toBytes(message);
  const bytes = ranged ? slice(whole, Number(given[0]) >>> 0, Number(given[1]) >>> 0) : whole;
  const port = portOf(rest[0], 1);
  let [address, options, callback] = rest.slice(1);
  if (isOptions(address)) [address, options, callback] = [undefined, address, options];
  if (typeof address === 'function') [address, options, callback] = [undefined, undefined, address];
  if (typeof options === 'function') [options, callback] = [undefined, options];
  if (address !== undefined && address !== null && typeof address !== 'string')
    throw usageError('ERR_INVALID_ARG_TYPE', `expected a string as address, received ${String(address)}`);
  return {
    bytes,
    port,
    address: typeof address === 'string' && address !== '' ? address : undefined,
    options: isOptions(options) ? options : {},
    callback: typeof callback === 'function' ? (callback as SendCallback) : undefined,
  };
}

const isAddress = (value: unknown): boolean => typeof value === 'string' && !/^\d+$/.test(value);

const isOptions = (value: unknown): value is SendOptions => typeof value === 'object' && value !== null;

/** A view where that is possible; strings as UTF-8, lists joined. */
export function toBytes(message: Message): Uint8Array {
  if (typeof message === 'string') return Buffer.from(message);
  if (message instanceof Uint8Array) return message;
  if (ArrayBuffer.isView(message)) return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
  if (Array.isArray(message)) return Buffer.concat(message.map(toBytes));
  throw usageError(
    'ERR_INVALID_ARG_TYPE',
    'expected a string, Buffer, TypedArray, DataView or a list of them as message',
  );
}

function slice(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  if (offset + length > bytes.length) {
    throw usageError(
      'ERR_BUFFER_OUT_OF_BOUNDS',
      `expected a range within ${bytes.length} bytes, received ${offset}+${length}`,
    );
  }
  return bytes.subarray(offset, offset + length);
}

function portOf(value: unknown, least: 0 | 1): number {
  const port = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof port === 'number' && Number.isInteger(port) && port >= least && port <= 65_535) return port;
  throw usageError('ERR_SOCKET_BAD_PORT', `Port should be a number from ${least} to 65535, received ${String(value)}`);
}
