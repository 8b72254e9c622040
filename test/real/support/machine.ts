import type { Lan } from './net.ts';
import { type Guest, type GuestOptions, startGuest } from './uml.ts';

export const MACHINE_MAC = '02:00:00:00:02:11';

/** A booted Debian (systemd, udev, networkd, cron) on the segment: its `vec0` has `address` from systemd-networkd. */
export async function startMachine(
  lan: Lan,
  options: { readonly name: string; readonly address: string } & Pick<GuestOptions, 'files' | 'links'>,
): Promise<Guest> {
  const { netns, veths } = lan.guest(options.name, 1);
  return await startGuest({
    init: 'systemd',
    netns,
    nics: veths.map((veth) => ({ veth, mac: MACHINE_MAC })),
    files: {
      '/etc/systemd/network/50-vec0.network': `[Match]\nName=vec0\n[Network]\nAddress=${options.address}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n`,
      ...options.files,
    },
    links: {
      '/etc/systemd/system/multi-user.target.wants/systemd-networkd.service':
        '/lib/systemd/system/systemd-networkd.service',
      ...options.links,
    },
  });
}

/** Waits until systemd has finished booting and the NIC has its address; rejects unless every unit is well. */
export async function fullyBooted(machine: Guest): Promise<void> {
  const { stdout } = await machine.sh('systemctl is-system-running --wait; systemctl --failed --no-legend', {
    timeoutMs: 60_000,
  });
  if (stdout.trim() !== 'running') throw new Error(`expected a system that runs with no failed unit, found: ${stdout}`);
  // networkd counts as started before it has configured anything.
  await machine.ok('until ip -4 address show vec0 | grep -q inet; do sleep 0.1; done; sleep 0.3', {
    timeoutMs: 30_000,
  });
}

/** Reboots in place and waits until the new boot has finished; resolves to its boot id. */
export async function reboot(machine: Guest): Promise<string> {
  const count = machine.boots.length + 1;
  await machine.sh('systemctl reboot').catch((cause: unknown) => {
    // The agent may be gone before it can say "done"; that the boot id is another one below is what tells.
    if (!/rebooted|not finished/.test(String(cause))) throw cause;
  });
  const bootId = await machine.booted(count, 60_000);
  await fullyBooted(machine);
  return bootId;
}
