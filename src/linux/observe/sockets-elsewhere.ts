import { readlinkSync } from 'node:fs';
import type { Services } from '../../core/model/surroundings.ts';
import { errorCode } from '../files/errors.ts';
import { nameOf, processIds } from '../process/processes.ts';
import { readSocketTable } from './socket-table.ts';

/** A host with more network namespaces than this has its service found by other means. */
const MOST_NAMESPACES = 64;

/**
 * Who listens on these ports in another network namespace: a container's service, which cannot see packets for a VIP that this
 * namespace owns.
 */
export function socketsElsewhere(ports: ReadonlySet<string>): Services['elsewhere'] {
  const seen = new Set([namespaceOf('self')]);
  const found: { protocol: 'tcp' | 'udp'; port: number; process: string }[] = [];
  for (const pid of processIds()) {
    const namespace = namespaceOf(String(pid));
    if (namespace === null || seen.has(namespace)) continue;
    seen.add(namespace);
    if (seen.size > MOST_NAMESPACES) break;
    const table = readSocketTable(ports, `/proc/${pid}/net`);
    if (table.kind !== 'value') continue;
    for (const { protocol, port } of table.value) found.push({ protocol, port, process: nameOf(pid) });
  }
  return found;
}

function namespaceOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null; // another user's, or gone
  }
}
