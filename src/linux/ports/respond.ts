import { networkInterfaces } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ConfigurationNow, ResponderState, Responding } from '../../app/ports/respond.ts';
import { escapeJson } from '../../core/escape.ts';
import { LEDGER_PATH } from '../../core/model/ledger.ts';
import { OVERRIDES_PATH } from '../../core/model/override.ts';
import { bootTimeMs } from '../../udp/boot-time.ts';
import { COUNTERS, type SocketStats } from '../../udp/stats.ts';
import { readText } from '../files/files.ts';
import { identity } from '../files/identity.ts';
import type { Paths } from '../files/paths.ts';
import { writeAtomic } from '../files/replace.ts';
import { readSocketTable } from '../observe/socket-table.ts';
import { readArpSettings } from '../observe/sysctl.ts';
import { type HostOptions, lookingAt } from './host.ts';

/** Absolute; `--root` goes before it. In a directory of its own, because an unprivileged process writes there. */
const RESPONDER_STATE_PATH = '/run/rsprep-responder/state.json';

/** What `rsprep respond` leaves behind for status and the textfile. */
export interface ResponderRecord extends ResponderState {
  readonly format: 1;
  readonly pid: number;
  /** ISO 8601, UTC: when it was written. */
  readonly at: string;
  readonly port: number;
  readonly stats: SocketStats;
}

/** The real host for the responder. `read` parses the configuration file, and is called only after it has changed. */
export function respondingAt(
  paths: Paths,
  options: HostOptions,
  configFile: string,
  read: () => Promise<ConfigurationNow>,
): Responding {
  let seen = '';
  let last: ConfigurationNow = { kind: 'unusable', reason: 'not yet read' };
  return {
    ...lookingAt(paths, options),
    fingerprint: (services) => fingerprint(paths, services),
    addresses: () =>
      new Set(Object.values(networkInterfaces()).flatMap((entries = []) => entries.map(({ address }) => address))),
    bootMs: bootTimeMs,
    configuration: async () => {
      const now = identity(configFile);
      if (now !== seen) last = await read();
      seen = now;
      return last;
    },
  };
}

/** @throws the system's error */
export const writeResponderRecord = (paths: Paths, record: ResponderRecord): Promise<void> =>
  writeAtomic(paths, RESPONDER_STATE_PATH, `${escapeJson(JSON.stringify(record))}\n`);

/** What is said of the responder in metrics. */
export interface ResponderCounters {
  /** When they were counted, in milliseconds. */
  readonly atMs: number;
  readonly stats: Readonly<Record<string, number>>;
}

/**
 * Null where no responder ran since boot, or its file cannot be used. An unprivileged user writes it: only counters that we know are taken, and
 * only as numbers.
 */
export function readResponderCounters(paths: Paths): ResponderCounters | null {
  const folder = paths.at(dirname(RESPONDER_STATE_PATH));
  const text = readText(join(folder, basename(RESPONDER_STATE_PATH)), { mostBytes: MOST_BYTES, noLink: true });
  if (text.kind !== 'value') return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.value);
  } catch {
    return null;
  }
  if (!isObject(parsed) || parsed.format !== 1 || !isObject(parsed.stats)) return null;
  const atMs = typeof parsed.at === 'string' ? Date.parse(parsed.at) : Number.NaN;
  const { stats } = parsed;
  const counted = COUNTERS.flatMap((name) => (isCount(stats[name]) ? [[name, stats[name]] as const] : []));
  return Number.isNaN(atMs) ? null : { atMs, stats: Object.fromEntries(counted) };
}

/** 10 000 VIPs take less. */
const MOST_BYTES = 8 << 20;
const isObject = (item: unknown): item is Readonly<Record<string, unknown>> =>
  typeof item === 'object' && item !== null && !Array.isArray(item);
const isCount = (item: unknown): item is number => Number.isSafeInteger(item) && Number(item) >= 0;

/**
 * getifaddrs(3), which shows only links that are up, the two ARP keys, and the sockets of the services: about a tenth of what
 * running ip(8) costs.
 */
function fingerprint(paths: Paths, services: ReadonlySet<string>): string {
  const arp = readArpSettings();
  return JSON.stringify([
    networkInterfaces(),
    arp.kind === 'value' ? [...arp.value] : arp,
    identity(paths.at(LEDGER_PATH)),
    identity(paths.at(OVERRIDES_PATH)),
    services.size === 0 ? null : readSocketTable(services),
  ]);
}
