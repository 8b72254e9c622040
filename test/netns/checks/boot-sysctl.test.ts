// The tables of test/unit/core/sysctl/replay-cases.ts against the programs themselves, in a network and a mount namespace of
// their own: what systemd-sysctl and `sysctl --system` leave in /proc/sys is what the replay says they would.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { must } from '../../support/process.ts';
import { startReaper, uniqueFolder } from '../../support/reaper.ts';
import { REPLAY, type ReplayCase } from '../../unit/core/sysctl/replay-cases.ts';

const SYSTEMD = ['/usr/lib/systemd/systemd-sysctl', '/lib/systemd/systemd-sysctl'].find((path) => existsSync(path));
const PROCPS = ['/usr/sbin/sysctl', '/sbin/sysctl'].find((path) => existsSync(path));
const FOLDERS = ['/etc/sysctl.d', '/run/sysctl.d', '/usr/local/lib/sysctl.d', '/usr/lib/sysctl.d'];

/** The reader runs with the case's folders in place of the host's, in new namespaces; prints the four values. */
const script = (root: string, reader: string): string => `
set -e
ip link set lo up
ip link add eth0 type veth peer name eth0.100
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -p /run/sysctl.d
${FOLDERS.map((folder) => `[ -d ${folder} ] || { mount -t tmpfs none ${dirname(folder)}; mkdir -p ${folder}; }; mount --bind ${root}${folder} ${folder}`).join('\n')}
[ -e /lib/sysctl.d ] && mount --bind ${root}/usr/lib/sysctl.d /lib/sysctl.d
touch ${root}/etc/sysctl.conf
mount --bind ${root}/etc/sysctl.conf /etc/sysctl.conf
# Once written, an interface no longer follows what is written to default (devinet_copy_dflt_conf).
for name in all default eth0 eth0.100; do echo 0 >/proc/sys/net/ipv4/conf/$name/arp_ignore; done
${reader} >/dev/null 2>&1 || true
for name in all default eth0 eth0.100; do cat /proc/sys/net/ipv4/conf/$name/arp_ignore; done
`;

function measure({ files }: ReplayCase, reader: string): readonly number[] {
  startReaper();
  const root = uniqueFolder();
  try {
    for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
    const out = must(['unshare', '-n', '-m', 'sh', '-c', script(root, reader)]);
    return out.trim().split('\n').map(Number);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** What the tables say is for files that set nothing of their own: a host has none where they are not named. */
describe.each([
  ['systemd', SYSTEMD, ''],
  ['procps', PROCPS, ' --system'],
] as const)('%s', (name, program, argument) => {
  it('is installed here', () => expect(program).toBeDefined());
  it.each(REPLAY.map((given) => [given.name, given] as const))('%s', (_name, given) => {
    expect(measure(given, `${program}${argument}`)).toEqual(given[name]);
  });
});
