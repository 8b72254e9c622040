import { type Stats, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { ConfigurationNow, ResponderState, Responding } from '../../app/ports/respond.ts';
import { escapeJson } from '../../core/escape.ts';
import { LEDGER_PATH } from '../../core/model/ledger.ts';
import { OVERRIDES_PATH } from '../../core/model/override.ts';
import type { SocketStats } from '../../udp/stats.ts';
import { errorText, isAbsent } from '../files/errors.ts';
import { readText, writeAtomic } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
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
  writeAtomic(paths.at(RESPONDER_STATE_PATH), `${escapeJson(JSON.stringify(record))}\n`);

/** Null where no responder ran since boot, or its file cannot be used. */
export function readResponderRecord(paths: Paths): ResponderRecord | null {
  const text = readText(paths.at(RESPONDER_STATE_PATH));
  if (text.kind !== 'value') return null;
  try {
    const parsed: unknown = JSON.parse(text.value);
    const known = typeof parsed === 'object' && parsed !== null && 'format' in parsed && parsed.format === 1;
    return known ? (parsed as ResponderRecord) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

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

/** Changes whenever the file is replaced or written. */
function identity(path: string): string {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs }: Stats = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch (error) {
    return isAbsent(error) ? 'absent' : errorText(error);
  }
}
