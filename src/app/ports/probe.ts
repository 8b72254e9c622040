import type { Desired } from '../../core/model/desired.ts';
import type { Ip } from '../../core/model/names.ts';
import type { Reading } from '../../core/model/reading.ts';
import type { ProbeResult as RipAnswer } from '../../core/model/surroundings.ts';
import type { ProbeInterface } from '../../probe/interfaces.ts';
import type { Mac } from '../../probe/mac.ts';
import type { Tried } from '../../probe/result.ts';

export interface Frame {
  readonly bytes: Uint8Array;
  /** FRAME_KIND of src/probe/filter.ts. */
  readonly kind: number;
  readonly interface: number;
}

/** A packet socket. Reading blocks, bounded. */
export interface Tap {
  /** What came within this time; empty when nothing did. */
  next(timeoutMs: number): readonly Frame[];
  /** 0, or a negated errno. */
  send(frame: Uint8Array): number;
  close(): void;
}

/** A device whose frames arrive at an interface as if they came from its wire. */
export interface Injector {
  /** Frames to it count as addressed to this host. */
  readonly mac: Mac;
  send(frame: Uint8Array): number;
  close(): Promise<void>;
}

export interface Answer {
  readonly from: Ip;
  readonly bytes: Uint8Array;
}

export type Asked =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** TCP: the handshake was done. */
  | { readonly kind: 'connected' }
  /** ICMP port unreachable, or a TCP reset. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'silence' }
  | { readonly kind: 'error'; readonly reason: string };

export interface Question {
  readonly ip: Ip;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly send: Uint8Array;
}

export type Control =
  | { readonly kind: 'worked'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string }
  /** The address is not one of this host's: asking for it could send packets to the wire. */
  | { readonly kind: 'not-local' };

/** A neighbour in a namespace of its own. */
export interface Neighbour {
  ask(question: Question, timeoutMs: number): Asked;
  /** A responder of our own on this address of the host, asked from the neighbour: does the path work at all? */
  control(vip: Ip, protocol: 'tcp' | 'udp', timeoutMs: number): Control;
  close(): Promise<void>;
}

export interface Visitor extends Omit<Neighbour, 'control'> {
  readonly mac: Mac;
  /** Who answers ARP or neighbour solicitations for it out there; asked with sender 0.0.0.0 unless `from` is given. */
  resolve(ip: Ip, from: Ip | null, timeoutMs: number): readonly Mac[];
  /** From now on frames to `ip` go to this MAC. */
  pin(ip: Ip, mac: Mac): Promise<Tried<null>>;
  /** Takes an address of the network. */
  settle(ip: Ip, prefixLength: number): Promise<Tried<null>>;
  /** Whether the address answered an echo request. */
  echo(ip: Ip, timeoutMs: number): boolean;
}

/** A network namespace without a name: what is in it ends with this process, killed or not. */
export interface Bench {
  injectInto(nic: string): Promise<Tried<Injector>>;
  neighbour(vips: readonly Ip[]): Promise<Tried<Neighbour>>;
  /** @param from the address it will settle at, if it is known */
  visitor(parent: string, from: Ip | null): Promise<Tried<Visitor>>;
  forget(nic: string, ip: Ip): Promise<void>;
  close(): void;
}

export interface Probing {
  hostName(): string;
  now(): Date;
  monotonicMs(): number;
  random(bytes: number): Uint8Array;
  /** Lets signals and other work through. */
  breathe(): Promise<void>;
  interfaces(): Reading<readonly ProbeInterface[]>;
  /** The interface towards an address and the source the kernel takes there; null where there is no direct route. */
  routeTo(ip: Ip): { readonly device: string; readonly source: Ip | null; readonly gateway: Ip | null } | null;
  /** What the kernel's neighbour table says; null for nothing. */
  neighbourMac(ip: Ip): Mac | null;
  /** Asks every service of `desired` that has a `probe`, from sockets bound to this host's own address. */
  servicesFromRip(desired: Desired): readonly RipAnswer[];
  /** @param index of the interface, 0 for all */
  tap(index: number, filter: Uint8Array): Tried<Tap>;
  bench(): Tried<Bench>;
  /** Removes devices that a killed probe left behind; returns their names. */
  clean(): Promise<readonly string[]>;
}
