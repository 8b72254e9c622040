import type { Network } from './network.ts';
import type { AskOutcome, DirectorMode, JsonValue } from './protocol.ts';
import { type Family, HOSTS, NIC, REAL_SERVERS, TCP_PORT, UDP_PORT } from './topology.ts';

/** Requests of one kind to one VIP, and what came of them. */
export interface Row extends AskOutcome {
  readonly protocol: 'tcp' | 'udp';
  readonly vip: string;
  readonly flows: number;
  readonly requestsEach: number;
}

/**
 * Flows of each kind. A hash spreads them: that all of them fall to one of two real servers, and the lab with it, happens once
 * in eight million times.
 */
const FLOWS = 24;
const REQUESTS_EACH = { tcp: 3, udp: 1 } as const;
/** A reply takes less than a millisecond; what has not come by then does not come. A loaded machine gets the rest. */
const TIMEOUT_MS = 1_500;
const SHORT_TIMEOUT_MS = 500;

interface RequestOptions {
  /** Requests that go nowhere are expected: do not wait for them that long. */
  readonly someLost?: boolean;
}

/** Requests over TCP and UDP from the client to every VIP, all at once. */
export async function request(
  network: Network,
  mode: DirectorMode,
  families: readonly Family[],
  options: RequestOptions = {},
): Promise<readonly Row[]> {
  const kinds = families.flatMap((family) => (['tcp', 'udp'] as const).map((protocol) => ({ family, protocol })));
  const askAll = (flows: number): Promise<readonly Row[]> =>
    Promise.all(
      kinds.map(async ({ family: { vip }, protocol }) => {
        const requestsEach = REQUESTS_EACH[protocol];
        const timeoutMs = options.someLost === true ? SHORT_TIMEOUT_MS : TIMEOUT_MS;
        const outcome = await network.hosts.client.call('ask', { protocol, vip, flows, requestsEach, timeoutMs });
        return { ...outcome, protocol, vip, flows, requestsEach };
      }),
    );
  if (mode !== 'neighbour') return askAll(FLOWS);
  // No director: the client's entry does its work, for one real server after the other.
  const halves: (readonly Row[])[] = [];
  for (const server of REAL_SERVERS) {
    await pointAt(network, families, HOSTS[server].mac);
    halves.push(await askAll(FLOWS / REAL_SERVERS.length));
  }
  await pointAt(network, families, null);
  return merge(halves);
}

async function pointAt(network: Network, families: readonly Family[], mac: string | null): Promise<void> {
  const lines = families.flatMap(({ vip }) => [
    `neigh replace ${vip} lladdr ${mac ?? '00:00:00:00:00:00'} dev ${NIC} nud permanent`,
    ...(mac === null ? [`neigh del ${vip} dev ${NIC}`] : []),
  ]);
  await network.hosts.client.must(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
}

function merge(halves: readonly (readonly Row[])[]): readonly Row[] {
  const [first = [], ...others] = halves;
  return first.map((row, index) => others.reduce((sum, half) => add(sum, half[index] ?? row), row));
}

const add = (a: Row, b: Row): Row => ({
  ...a,
  flows: a.flows + b.flows,
  byServer: addCounts(a.byServer, b.byServer),
  bySource: addCounts(a.bySource, b.bySource),
  unanswered: a.unanswered + b.unanswered,
  torn: a.torn + b.torn,
});

function addCounts(a: Row['byServer'], b: Row['byServer']): Row['byServer'] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}

/** All answered, each connection by one real server, both real servers used, every reply from the VIP. */
export const isHealthy = (row: Row): boolean =>
  row.unanswered === 0 &&
  row.torn === 0 &&
  REAL_SERVERS.every((name) => (row.byServer[name] ?? 0) > 0) &&
  Object.keys(row.bySource).every((source) => source === row.vip);

/** A table of what was asked and who answered. */
export function describeRows(rows: readonly Row[]): readonly string[] {
  const what = rows.map(
    ({ protocol, vip, flows, requestsEach }) =>
      `${protocol.toUpperCase()} ${endpoint(vip, protocol)}  ${flows} ${protocol === 'tcp' ? `connections × ${requestsEach}` : 'requests'}`,
  );
  const width = Math.max(...what.map(({ length }) => length));
  return rows.map((row, index) => {
    const servers = REAL_SERVERS.map((name) => `${name} ${String(row.byServer[name] ?? 0).padStart(2)}`).join('  ');
    const lost = row.unanswered > 0 ? `  no answer ${row.unanswered}` : '';
    const torn = row.torn > 0 ? `  split between both ${row.torn}` : '';
    const from = Object.keys(row.bySource).join(', ') || 'nobody';
    return `${(what[index] ?? '').padEnd(width)}   ${servers}${lost}${torn}   answered from ${from}`;
  });
}

const endpoint = (vip: string, protocol: Row['protocol']): string =>
  `${vip.includes(':') ? `[${vip}]` : vip}:${protocol === 'tcp' ? TCP_PORT : UDP_PORT}`;

export const rowData = (row: Row): JsonValue => ({
  protocol: row.protocol,
  vip: row.vip,
  flows: row.flows,
  requests_per_flow: row.requestsEach,
  flows_by_server: row.byServer,
  replies_by_source: row.bySource,
  unanswered: row.unanswered,
  torn: row.torn,
});
