import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The checkout this file is in. */
export const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

/** The program under test: the built one of this checkout, or the one RSPREP_BUNDLE names (an installed package, say). */
export const PROGRAM = process.env.RSPREP_BUNDLE ?? join(CHECKOUT, 'dist', 'rsprep.cjs');

const CACHE = join(CHECKOUT, '.cache', 'real-kernel');

const SUITE = 'bookworm';
const GUEST_PACKAGES = [
  ...['systemd', 'systemd-sysv', 'udev', 'dbus', 'cron'],
  ...['iproute2', 'kmod', 'procps', 'iputils-arping', 'iputils-ping', 'tcpdump'],
  ...['keepalived', 'ipvsadm', 'iptables', 'arptables'],
];

/**
 * Run inside the new root by mmdebstrap ($1). What is masked would only cost time or noise in a guest without disks and
 * terminals. udev's coldplug is limited to network devices: going through UML's 600 ttys takes it longer than all the rest.
 */
const CUSTOMIZE = `
set -e
cd "$1/etc"
echo 5d7e0c3b1f4a4c0f9b8f6a1c2e3d4f50 > machine-id
echo rsp-guest > hostname
for unit in getty@tty1.service console-getty.service e2scrub_reap.service e2scrub_all.timer fstrim.timer apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer systemd-pstore.service keepalived.service systemd-firstboot.service; do
  ln -sf /dev/null systemd/system/$unit
done
mkdir -p systemd/system/systemd-udev-trigger.service.d systemd/journald.conf.d
printf '[Service]\\nExecStart=\\nExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=net\\n' \
  > systemd/system/systemd-udev-trigger.service.d/only-net.conf
printf '[Journal]\\nStorage=volatile\\n' > systemd/journald.conf.d/volatile.conf
# UML's kernel has no nftables families for IP.
for tool in iptables ip6tables arptables; do chroot "$1" update-alternatives --set $tool /usr/sbin/$tool-legacy; done
rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*
`;

/**
 * mmdebstrap mounts the host's /sys, /dev/shm and /proc in the root it makes. Killed with its test run it would leave them there, and who
 * then removes the half-made root removes what is in /dev/shm; in namespaces of its own they are gone with it, however it ends.
 */
const APART = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/**
 * The Debian root every guest starts from, read-only: each guest writes to an overlay of its own (`guest/launch.sh`).
 * Built once (about 25 s, needs a Debian mirror) and kept in the checkout's `.cache`; the name carries a hash of the
 * recipe, so that a changed recipe builds a new one and the old ones are removed.
 */
export async function guestRoot(): Promise<string> {
  const recipe = createHash('sha256')
    .update(JSON.stringify([SUITE, GUEST_PACKAGES, CUSTOMIZE]))
    .digest('hex')
    .slice(0, 12);
  const root = join(CACHE, `root-${recipe}`);
  if (existsSync(root)) return root;
  mkdirSync(CACHE, { recursive: true });
  for (const entry of readdirSync(CACHE)) {
    // Half-made ones are of runs that were killed; one at work is somebody else's.
    const builder = /^building-(\d+)$/.exec(entry)?.[1];
    if (entry.startsWith('root-') || (builder !== undefined && !existsSync(`/proc/${builder}`)))
      rmSync(join(CACHE, entry), { recursive: true, force: true });
  }
  const building = join(CACHE, `building-${process.pid}`);
  try {
    const made = [`--include=${GUEST_PACKAGES.join(',')}`, `--customize-hook=${CUSTOMIZE}`, SUITE, building];
    await run('unshare', [...APART, 'mmdebstrap', '--variant=minbase', ...made], {
      ...{ timeout: 900_000, maxBuffer: 64 << 20 },
      killSignal: 'SIGKILL', // unshare takes no notice of SIGTERM
    });
    renameSync(building, root); // whoever builds at the same time loses the race and nothing else
  } catch (cause) {
    rmSync(building, { recursive: true, force: true });
    if (existsSync(root)) return root;
    throw new Error(`mmdebstrap could not build the guests' root in ${building}: is a Debian mirror reachable?`, {
      cause,
    });
  }
  return root;
}
