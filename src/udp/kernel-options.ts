import { EventEmitter } from 'node:events';
import { systemError, usageError } from './errors.ts';
import type { RemoteInfo } from './incoming.ts';
import { group4, group6, source4, source6, zone } from './membership.ts';
import { type Handle, loadNative } from './native.ts';

const LEVEL = { socket: 1, ip: 0, ipv6: 41 } as const;
/** include/uapi/linux/in.h and in6.h: each option's IPv4 and IPv6 number. */
const NAME = {
  ttl: [2, 16],
  multicastTtl: [33, 18],
  multicastLoop: [34, 19],
  multicastInterface: [32, 17],
  join: [35, 20],
  leave: [36, 21],
  joinSource: [39, 46],
  leaveSource: [40, 47],
} as const;

export interface SocketEvents {
  message: [message: Buffer, rinfo: RemoteInfo];
  listening: [];
  error: [error: Error];
  close: [];
}

/** The part of dgram.Socket that is setsockopt(2). Every method throws a SocketError when the kernel refuses. */
export abstract class KernelOptions extends EventEmitter<SocketEvents> {
  /** The open socket; opens it when it is not yet. */
  protected abstract handle(): Handle;
  protected abstract readonly family: 4 | 6;

  setBroadcast(flag: boolean): void {
    this.#set('setBroadcast', LEVEL.socket, 6, int(flag ? 1 : 0));
  }

  /** 1 to 255 hops. */
  setTTL(ttl: number): number {
    this.#setIp('setTTL', NAME.ttl, int(hops(ttl)));
    return ttl;
  }

  /** 0 to 255 hops. */
  setMulticastTTL(ttl: number): number {
    this.#setIp('setMulticastTTL', NAME.multicastTtl, int(hops(ttl)));
    return ttl;
  }

  setMulticastLoopback(flag: boolean): boolean {
    this.#setIp('setMulticastLoopback', NAME.multicastLoop, int(flag ? 1 : 0));
    return flag;
  }

  /** IPv4: an address of the interface; IPv6: `::%eth0`. */
  setMulticastInterface(multicastInterface: string): void {
    const value =
      this.family === 4 ? group4('0.0.0.0', multicastInterface) : int(zone(loadNative(), multicastInterface));
    this.#setIp('setMulticastInterface', NAME.multicastInterface, value);
  }

  addMembership(group: string, multicastInterface?: string): void {
    this.#setIp('addMembership', NAME.join, this.#group(group, multicastInterface));
  }

  dropMembership(group: string, multicastInterface?: string): void {
    this.#setIp('dropMembership', NAME.leave, this.#group(group, multicastInterface));
  }

  /** Hears the group from this source alone (RFC 4607). */
  addSourceSpecificMembership(source: string, group: string, multicastInterface?: string): void {
    this.#setIp('addSourceSpecificMembership', NAME.joinSource, this.#source(source, group, multicastInterface));
  }

  dropSourceSpecificMembership(source: string, group: string, multicastInterface?: string): void {
    this.#setIp('dropSourceSpecificMembership', NAME.leaveSource, this.#source(source, group, multicastInterface));
  }

  /** Bytes as the kernel counts them: twice what was set (socket(7)). */
  getRecvBufferSize(): number {
    return this.#get('getRecvBufferSize', LEVEL.socket, 8);
  }

  getSendBufferSize(): number {
    return this.#get('getSendBufferSize', LEVEL.socket, 7);
  }

  setRecvBufferSize(bytes: number): void {
    this.#set('setRecvBufferSize', LEVEL.socket, 8, int(bufferSize(bytes)));
  }

  setSendBufferSize(bytes: number): void {
    this.#set('setSendBufferSize', LEVEL.socket, 7, int(bufferSize(bytes)));
  }

  /** Ends `reusePort` for those who come later: nobody else may bind to this port beside this socket. */
  keepPort(): void {
    this.#set('keepPort', LEVEL.socket, 15, int(0));
  }

  #group(group: string, multicastInterface: string | undefined): Uint8Array {
    return this.family === 4 ? group4(group, multicastInterface) : group6(group, multicastInterface);
  }

  #source(source: string, group: string, multicastInterface: string | undefined): Uint8Array {
    return this.family === 4 ? source4(source, group, multicastInterface) : source6(source, group, multicastInterface);
  }

  #setIp(call: string, [four, six]: readonly [number, number], value: Uint8Array): void {
    if (this.family === 4) this.#set(call, LEVEL.ip, four, value);
    else this.#set(call, LEVEL.ipv6, six, value);
  }

  #set(call: string, level: number, name: number, value: Uint8Array): void {
    const status = loadNative().setOption(this.handle(), level, name, value);
    if (status < 0) throw systemError(status, call);
  }

  #get(call: string, level: number, name: number): number {
    const value = new Uint8Array(4);
    const status = loadNative().getOption(this.handle(), level, name, value);
    if (status < 0) throw systemError(status, call);
    return new DataView(value.buffer).getInt32(0, true);
  }
}

const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

function hops(ttl: number): number {
  if (typeof ttl === 'number') return ttl;
  throw usageError('ERR_INVALID_ARG_TYPE', `expected a number of hops, received ${JSON.stringify(ttl)}`);
}

function bufferSize(bytes: number): number {
  if (Number.isInteger(bytes) && bytes >= 0 && bytes <= 0xffffffff) return Math.min(bytes, 0x7fffffff);
  throw usageError('ERR_SOCKET_BAD_BUFFER_SIZE', `Buffer size must be a positive integer, received ${bytes}`);
}
