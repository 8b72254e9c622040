// A booted Debian with systemd, udev, networkd and cron, asked ARP for its VIP through whole boots.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ArpWatch, watchArp } from './support/arp-watch.ts';
import { fullyBooted, MACHINE_MAC, reboot, startMachine } from './support/machine.ts';
import { type Lan, makeLan } from './support/net.ts';
import type { Guest } from './support/uml.ts';

const VIP = '10.0.0.100';
const RIP = '10.0.0.11';
const SYSCTLS = ['all', 'default']
  .map((scope) => `net.ipv4.conf.${scope}.arp_ignore = 1\nnet.ipv4.conf.${scope}.arp_announce = 2\n`)
  .join('');

/** Adds the VIP early in the boot, before the NIC is configured. */
const VIP_UNIT = `[Unit]
DefaultDependencies=no
After=systemd-sysctl.service
Wants=network-pre.target
Before=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip link set lo up
ExecStart=/usr/sbin/ip address add ${VIP}/32 dev lo scope host

[Install]
WantedBy=multi-user.target
`;

/** What published scripts do: the sysctls once everything else is up, the network too. */
const LATE_UNIT = `[Unit]
After=multi-user.target

[Service]
Type=oneshot
ExecStartPre=/bin/sh -c 'until ip -4 address show vec0 | grep -q inet; do sleep 0.1; done; sleep 1'
ExecStart=/usr/sbin/sysctl -qp /etc/late.conf
`;

let lan: Lan;
let machine: Guest;
let watch: ArpWatch;
let firstBoot: string;

beforeAll(async () => {
  lan = makeLan();
  const peer = lan.host('peer', '10.0.0.50/24');
  watch = await watchArp(peer, { vip: VIP, rip: RIP, mac: MACHINE_MAC, source: '10.0.0.50', ratePerS: 500 });
  const wants = '/etc/systemd/system/multi-user.target.wants';
  machine = await startMachine(lan, {
    name: 'machine',
    address: `${RIP}/24`,
    files: {
      '/etc/systemd/system/vip.service': VIP_UNIT,
      '/etc/systemd/system/late.service': LATE_UNIT,
      '/etc/late.conf': SYSCTLS,
    },
    links: { [`${wants}/vip.service`]: '../vip.service', [`${wants}/late.service`]: '../late.service' },
  });
  firstBoot = (await machine.ok('cat /proc/sys/kernel/random/boot_id')).trim();
  await fullyBooted(machine);
}, 300_000);

afterAll(async () => {
  watch?.stop();
  await machine?.stop();
  lan?.remove();
});

describe('sysctls that come late in the boot', () => {
  it('let the peer see the VIP answered', async () => {
    const seen = await watch.since();
    expect(seen.controlReplies).toBeGreaterThan(0);
    expect(seen.replies).toBeGreaterThan(0);
    expect(await machine.ok('sysctl -n net.ipv4.conf.all.arp_ignore')).toBe('1\n'); // in the end
  });
});

describe('sysctls in /etc/sysctl.d', () => {
  it('keep the VIP unanswered through a reboot, with a new boot id', async () => {
    await machine.ok(
      'mv /etc/late.conf /etc/sysctl.d/90-rs.conf; rm /etc/systemd/system/multi-user.target.wants/late.service',
    );
    await watch.since();
    const bootId = await reboot(machine);
    const seen = await watch.since();
    expect(bootId).not.toBe(firstBoot);
    expect(seen.sent).toBeGreaterThan(1000);
    expect(seen.controlReplies).toBeGreaterThan(0);
    expect(seen.replies + seen.requestsWithSenderVip).toBe(0);
    expect(await machine.ok('systemctl is-active vip.service; ip -4 -o address show dev lo')).toMatch(
      new RegExp(`^active\\n[^]*${VIP}/32`),
    );
  });
});
