import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Failure, HostNeeds } from '../../app/ports/host.ts';
import { LEDGER_PATH } from '../../core/model/ledger.ts';
import { SYSCTL_FILE } from '../../core/sysctl/file.ts';
import { errorCode, errorText, isPrivilege } from '../files/errors.ts';
import type { Paths } from '../files/paths.ts';
import { commandFailure, read } from '../process/command.ts';

/** CAP_NET_ADMIN, by number (linux/capability.h). */
const CAP_NET_ADMIN = 12n;
/** The first iproute2 with `-j` on `ip address` and `ip route` (4.18, 2018) and `-batch` of both. */
const OLDEST_IPROUTE2 = '4.18';
/** The same as a snapshot date: until 5.0 `ip -V` said `iproute2-ss180813`, not 4.18 (include/SNAPSHOT.h). */
const OLDEST_SNAPSHOT = 180813;

/** Everything that would make an apply fail half-way, looked at before it begins. */
export function preflightHost(paths: Paths, needs: HostNeeds, timeoutMs: number): Failure | null {
  return (
    lacksCapability() ??
    procReadOnly() ??
    unusableIp(timeoutMs) ??
    (needs.ledger
      ? notWritable(paths.at(LEDGER_PATH), 'the ledger', ROOM_BYTES + needs.addresses * ROOM_BYTES_AN_ADDRESS)
      : null) ??
    (needs.etc
      ? notWritable(paths.at(SYSCTL_FILE), 'the sysctl file that makes the settings survive a reboot', ROOM_BYTES)
      : null)
  );
}

function lacksCapability(): Failure | null {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined || (BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) return null;
  return {
    kind: 'permission',
    message: 'changing addresses and ARP settings needs CAP_NET_ADMIN, and this process does not have it',
    next: 'run this as root (sudo rsprep …); `rsprep verify` and `rsprep plan` need no privilege',
  };
}

function procReadOnly(): Failure | null {
  const path = '/proc/sys/net/ipv4/conf/all/arp_ignore';
  try {
    accessSync(path, constants.W_OK);
    return null;
  } catch (error) {
    const code = errorCode(error);
    const why = code === 'EROFS' ? '/proc/sys is mounted read-only: this is probably a container' : errorText(error);
    return {
      kind: 'permission',
      message: `cannot write ${path}: ${why}`,
      next: 'run rsprep on the host, or in a container with its own network namespace and a writable /proc/sys/net',
    };
  }
}

function unusableIp(timeoutMs: number): Failure | null {
  const result = read(['ip', '-V'], { timeoutMs });
  if (result.kind !== 'ok') {
    const next = `install iproute2 ${OLDEST_IPROUTE2} or newer`;
    return { kind: 'failed', message: commandFailure(result, 'cannot run ip(8)'), next };
  }
  const version = /iproute2-(ss)?(\d+)(?:\.(\d+))?/.exec(result.stdout);
  if (!version) {
    const received = JSON.stringify(result.stdout.trim().slice(0, 60));
    return {
      kind: 'failed',
      message: `expected \`ip -V\` to name iproute2 ${OLDEST_IPROUTE2} or newer, received ${received}`,
      next: 'install iproute2 (the ip of busybox is not enough)',
    };
  }
  const [found, snapshot, first = '0', second = '0'] = version;
  const [major, minor] = [Number(first), Number(second)];
  if (snapshot ? major >= OLDEST_SNAPSHOT : major > 4 || (major === 4 && minor >= 18)) return null;
  return {
    kind: 'failed',
    message: `${found} is too old: ${OLDEST_IPROUTE2} or newer is needed for JSON output`,
    next: 'install a newer iproute2',
  };
}

/** What a small file and its temporary twin need, with room to spare. */
const ROOM_BYTES = 32_768;
/** The ledger names an address up to four times (owned, applied, intent, before), and stands twice while it is replaced. */
const ROOM_BYTES_AN_ADDRESS = 1200;

function notWritable(file: string, what: string, roomBytes: number): Failure | null {
  let directory = dirname(file);
  while (!existsSync(directory) && directory !== '/') directory = dirname(directory);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(directory);
    if (bavail * bsize >= roomBytes) return null;
    return {
      kind: 'failed',
      message: `cannot write ${what}, ${file}: only ${Math.floor((bavail * bsize) / 1024)} KiB are left on its file system, and it needs ${Math.ceil(roomBytes / 1024)} KiB`,
      next: `free space below ${directory}`,
    };
  } catch (error) {
    return {
      kind: isPrivilege(error) ? 'permission' : 'failed',
      message: `cannot write ${what}, ${file}: ${errorText(error)}`,
      next: `make ${directory} writable`,
    };
  }
}
