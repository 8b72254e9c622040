// Who answers ARP (and neighbour solicitations) for an address, asked through the kernel's own neighbour table: no raw
// socket, no extra package. See neigh_update() and neigh_timer_handler() in net/core/neighbour.c.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './child.ts';
import { NIC, UDP_PORT } from './topology.ts';

/** Between two questions, and how many of them: what a host must leave unanswered to count as silent. */
export const RETRANSMIT_MS = 50;
export const PROBES = 2;

const DEADLINE_MS = 3_000;
const POLL_MS = 15;

/**
 * Asks one machine alone: puts an entry with its MAC in the state PROBE, for which the kernel sends unicast requests to
 * that MAC. Answered, the entry is REACHABLE; not answered PROBES times, it is FAILED.
 */
export async function askNeighbour(address: string, mac: string): Promise<{ readonly answered: boolean }> {
  await ip(`neigh replace ${address} lladdr ${mac} dev ${NIC} nud probe`);
  const entry = await settled(address);
  await forget(address);
  return { answered: entry.state.includes('REACHABLE') };
}

/** Forgets the address and sends one datagram to it, for which the kernel has to ask everybody. */
export async function resolve(address: string): Promise<{ readonly mac: string | null }> {
  await forget(address);
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  // Failing to deliver is the answer "nobody", read from the table below.
  await new Promise<void>((sent) => socket.send('', UDP_PORT, address, () => sent()));
  const entry = await settled(address);
  socket.close();
  await once(socket, 'close');
  return { mac: entry.mac };
}

/** Deleting what is not there is an error to `ip`; so it is made first. */
async function forget(address: string): Promise<void> {
  await ip(
    '-batch -',
    `neigh replace ${address} lladdr 00:00:00:00:00:00 dev ${NIC} nud permanent\nneigh del ${address} dev ${NIC}\n`,
  );
}

interface Entry {
  readonly mac: string | null;
  readonly state: readonly string[];
}

/** The entry once the kernel no longer waits for an answer. */
async function settled(address: string): Promise<Entry> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const entry = parse(await ip(`-j neigh show to ${address} dev ${NIC}`));
    const waits = entry.state.some((state) => ['PROBE', 'INCOMPLETE', 'NONE'].includes(state));
    if (!waits || performance.now() > deadlineMs) return entry;
    await sleep(POLL_MS);
  }
}

function parse(json: string): Entry {
  const [entry] = JSON.parse(json === '' ? '[]' : json) as { lladdr?: string; state?: string[] }[];
  return { mac: entry?.lladdr ?? null, state: entry?.state ?? ['FAILED'] };
}

async function ip(words: string, input = ''): Promise<string> {
  const outcome = await run({ argv: ['ip', ...words.split(' ')], input, timeoutMs: 5_000 });
  if (outcome.kind === 'ended' && outcome.status === 0) return outcome.stdout.trim();
  const said = outcome.kind === 'ended' ? outcome.stderr.trim() : 'not installed';
  throw new Error(`ip ${words}: ${said}`);
}
