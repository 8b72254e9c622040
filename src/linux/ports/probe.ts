import { randomBytes } from 'node:crypto';
import type { Bench, Probing } from '../../app/ports/probe.ts';
import type { Desired } from '../../core/model/desired.ts';
import { familyOf, type Ip } from '../../core/model/names.ts';
import { inventedMac } from '../../probe/mac.ts';
import { ok, type Tried } from '../../probe/result.ts';
import { hostName } from '../observe/identity.ts';
import { probeServices } from '../observe/service-probes.ts';
import { wallClock } from '../observe/wall-clock.ts';
import { injectInto } from '../probe/injector.ts';
import { cleanDevices, listInterfaces, neighbourMac, routeTo } from '../probe/interfaces.ts';
import { openNamespace } from '../probe/namespace.ts';
import { loadPackets } from '../probe/native.ts';
import { openNeighbour } from '../probe/neighbour.ts';
import { openTap } from '../probe/tap.ts';
import { openVisitor } from '../probe/visitor.ts';

export interface ProbingOptions {
  /** For one child process. */
  readonly timeoutMs: number;
  /** Inherited by children that make devices; null for probes that change nothing of this host's own. */
  readonly lockFd: number | null;
}

/** The real host, for probes. */
export function probing({ timeoutMs, lockFd }: ProbingOptions): Probing {
  return {
    hostName,
    now: wallClock,
    monotonicMs: () => performance.now(),
    random: (bytes) => randomBytes(bytes),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    interfaces: () => listInterfaces(timeoutMs),
    routeTo: (ip) => routeTo(ip, timeoutMs),
    neighbourMac: (ip) => neighbourMac(ip, timeoutMs),
    servicesFromRip: (desired) => probeServices(desired, (family) => ownAddress(desired, family, timeoutMs)),
    tap: (index, filter) => {
      const packets = loadPackets();
      return packets.kind === 'failed' ? packets : openTap(packets.value, -1, index, filter);
    },
    bench: () => openBench(timeoutMs, lockFd),
    clean: () => cleanDevices(timeoutMs, lockFd),
  };
}

function openBench(timeoutMs: number, lockFd: number | null): Tried<Bench> {
  const packets = loadPackets();
  if (packets.kind === 'failed') return packets;
  const space = openNamespace(packets.value, timeoutMs, lockFd);
  if (space.kind === 'failed') return space;
  return ok({
    injectInto: (nic) => injectInto(packets.value, space.value, nic, inventedMac(randomBytes(6))),
    neighbour: (vips) => openNeighbour(packets.value, space.value, vips, randomBytes(16)),
    visitor: (parent, from) => openVisitor(packets.value, space.value, parent, from, randomBytes(6)),
    // Already gone is as good.
    forget: async (nic, ip) => {
      await space.value.outside(['ip', 'neigh', 'del', ip, 'dev', nic]);
    },
    close: () => space.value.close(),
  });
}

/** The configured RIP, or the first global address of an interface that is not a VIP. */
function ownAddress(desired: Desired, family: 4 | 6, timeoutMs: number): Ip | null {
  if (desired.rip !== null && familyOf(desired.rip) === family) return desired.rip;
  const vips = new Set(desired.vips.map(({ address }) => address));
  const interfaces = listInterfaces(timeoutMs);
  if (interfaces.kind !== 'value') return null;
  const own = interfaces.value
    .filter(({ loopback, up }) => !loopback && up)
    .flatMap(({ addresses }) => addresses)
    .find(({ ip, scope }) => familyOf(ip) === family && scope === 'global' && !vips.has(ip));
  return own?.ip ?? null;
}
