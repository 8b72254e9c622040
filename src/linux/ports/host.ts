import { dirname } from 'node:path';
import type { Changing, Looking } from '../../app/ports/host.ts';
import { LEDGER_PATH } from '../../core/model/ledger.ts';
import { REPORT_DIRECTORY } from '../../core/report/journal.ts';
import { SYSCTL_FILE } from '../../core/sysctl/file.ts';
import { perform } from '../change/perform.ts';
import { armWatchdog, disarmWatchdog, type SelfCommand } from '../change/watchdog.ts';
import type { Paths } from '../files/paths.ts';
import { sweepFolders } from '../files/replace.ts';
import { bootClock } from '../observe/boot-clock.ts';
import { establishedTo } from '../observe/connections.ts';
import { hostName, machineId, who } from '../observe/identity.ts';
import { observe, startMainIp } from '../observe/observe.ts';
import { preflightHost } from '../observe/preflight.ts';
import { readArpSettings } from '../observe/sysctl.ts';
import { wallClock } from '../observe/wall-clock.ts';
import { deleteLedger, readLedger, setLedgerAside, writeLedger } from '../state/ledger.ts';
import { acquireLock } from '../state/lock.ts';
import { readOverrides, writeOverrides } from '../state/overrides.ts';

/** Where a killed run may have left half a file. */
const FOLDERS = [dirname(LEDGER_PATH), dirname(SYSCTL_FILE), REPORT_DIRECTORY];

export interface HostOptions {
  /** For one child process, in milliseconds. */
  readonly timeoutMs: number;
  /** How to start this program again. */
  readonly self: SelfCommand;
  /** The command looks once and soon: what it needs for that may start already. */
  readonly looksSoon?: boolean;
}

/** The real host, for use cases that only look. */
export function lookingAt(paths: Paths, { timeoutMs, looksSoon = false }: HostOptions): Looking {
  let ahead = looksSoon ? startMainIp() : null;
  return {
    observe: (desired, forChange) => {
      const ip = ahead;
      ahead = null;
      return observe(paths, desired, { forChange, timeoutMs, ...(ip && { ip }) });
    },
    readLedger: () => readLedger(paths),
    readOverrides: () => readOverrides(paths),
    hostName,
    now: wallClock,
    // Not performance.now(): Node makes that object at its first use, for 3 ms.
    bootClock,
    monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  };
}

/** The real host, for use cases that change it. */
export function changing(paths: Paths, options: HostOptions, interrupted: () => boolean): Changing {
  const looking = lookingAt(paths, options);
  return {
    ...looking,
    arpNow: readArpSettings,
    preflightHost: (needs) => preflightHost(paths, needs, options.timeoutMs),
    lock: async (timeoutMs, command) => {
      const result = await acquireLock(paths, timeoutMs, command, wallClock());
      if (result.kind === 'held') sweepFolders(paths, FOLDERS);
      return result;
    },
    perform: (actions, context) => perform(paths, actions, context),
    writeLedger: (ledger) => writeLedger(paths, ledger),
    deleteLedger: () => deleteLedger(paths),
    setLedgerAside: (suffix) => setLedgerAside(paths, suffix),
    writeOverrides: (overrides) => writeOverrides(paths, overrides),
    machineId: () => machineId(paths),
    armWatchdog: (end, token) => armWatchdog(paths, options.self, end, token, options.timeoutMs),
    disarmWatchdog: (token) => disarmWatchdog(token, options.timeoutMs),
    who,
    establishedTo,
    interrupted,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
