// apply --confirm on a booted Debian: systemd's service takes it back, whoever dies meanwhile, and a reboot forgets it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ArpWatch, watchArp } from './support/arp-watch.ts';
import { agentIn, type GuestAgent } from './support/guest-agent.ts';
import { fullyBooted, MACHINE_MAC, reboot, startMachine } from './support/machine.ts';
import { type Lan, makeLan } from './support/net.ts';
import type { Guest } from './support/uml.ts';

const VIP = '10.0.0.100';
const SECOND = '10.0.0.101';
const RIP = '10.0.0.11';
const PERSISTED = '/etc/sysctl.d/99-zz-rsprep.conf';

/** What an installed boot unit does. */
const BOOT_UNIT = `[Unit]
DefaultDependencies=no
After=systemd-sysctl.service local-fs.target
Wants=network-pre.target
Before=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/opt/node/node /opt/rsprep/rsprep.cjs apply --boot

[Install]
WantedBy=multi-user.target
`;

let lan: Lan;
let machine: Guest;
let agent: GuestAgent;
let watch: ArpWatch;

beforeAll(async () => {
  lan = makeLan();
  const peer = lan.host('peer', '10.0.0.50/24');
  machine = await startMachine(lan, {
    name: 'machine',
    address: `${RIP}/24`,
    files: { '/etc/systemd/system/rsp-boot.service': BOOT_UNIT },
  });
  await fullyBooted(machine);
  agent = agentIn(machine, { root: null });
  await agent.configure({ vips: [VIP] });
  watch = await watchArp(peer, { vip: VIP, rip: RIP, mac: MACHINE_MAC, source: '10.0.0.50', ratePerS: 500 });
}, 300_000);

afterAll(async () => {
  watch?.stop();
  await machine?.stop();
  lan?.remove();
});

/** The VIPs on lo, the ARP settings in force, and whether something is persisted. */
const state = async (): Promise<string> =>
  (
    await machine.ok(`
      ip -4 -o address show dev lo | awk '$4 !~ /^127/ { print $4 }'
      cat /proc/sys/net/ipv4/conf/all/arp_ignore /proc/sys/net/ipv4/conf/all/arp_announce
      [ ! -e ${PERSISTED} ] || echo persisted`)
  )
    .trim()
    .replaceAll('\n', ' ');
const UNTOUCHED = '0 0';
const LIVE = `${VIP}/32 1 2`;
const KEPT = `${VIP}/32 1 2 persisted`;
const watchdogs = (): Promise<string> =>
  machine.ok("systemctl list-units --all --no-legend 'rsprep-unconfirmed-*.service'");
const takenBack = (to: string): Promise<void> => expect.poll(state, { timeout: 15_000, interval: 300 }).toBe(to);

describe('on a host that nobody prepared before', () => {
  it('nobody confirms: in force, not persisted, then taken back by a transient service of systemd', async () => {
    await agent.run('apply --confirm 4');
    expect(await state()).toBe(LIVE);
    expect(await watchdogs()).toContain('rsprep-unconfirmed-');
    await takenBack(UNTOUCHED);
    await expect.poll(watchdogs, { timeout: 10_000, interval: 300 }).toBe('');
  });

  it('the lock is held, and the watchdog killed at that: it goes on until it has succeeded', async () => {
    await agent.run('apply --confirm 3');
    await machine.ok(`
      systemd-run --quiet --unit=holder flock /run/rsprep/lock sleep 1000
      sleep 5; systemctl kill --signal=KILL 'rsprep-unconfirmed-*.service'; sleep 3`);
    expect(await state()).toBe(LIVE);
    await machine.ok('systemctl stop holder');
    await takenBack(UNTOUCHED);
    await expect.poll(watchdogs, { timeout: 10_000, interval: 300 }).toBe('');
  });

  it('the session it ran in is killed as a whole: taken back all the same', async () => {
    await machine.ok(`
      systemd-run --quiet --unit=session --property=KillMode=control-group sh -c '${agent.command} apply --confirm 4; touch /run/applied; sleep 1000'
      until [ -e /run/applied ]; do sleep 0.1; done
      systemctl kill --signal=KILL session; rm /run/applied`);
    expect(await state()).toBe(LIVE);
    await takenBack(UNTOUCHED);
  });

  it('confirmed: it stays, persisted, and the watchdog is gone', async () => {
    await agent.run('apply --confirm 30');
    await agent.run('confirm');
    expect(await watchdogs()).toBe(''); // nothing is left that could take it back
    expect(await state()).toBe(KEPT);
    expect((await agent.verify()).code).toBe(0);
  });
});

describe('a reboot before the confirmation', () => {
  it('comes up with what was there before, boot unit and all; an apply by a person then does it', async () => {
    await machine.ok('systemctl -q enable rsp-boot.service');
    await agent.configure({ vips: [VIP, SECOND] });
    await agent.run('apply --confirm 600');
    expect(await state()).toContain(`${SECOND}/32`);

    await reboot(machine);
    expect(await machine.ok('systemctl is-active rsp-boot.service')).toBe('active\n');
    expect(await state()).toBe(KEPT);
    expect(await watchdogs()).toBe('');

    await agent.run('apply');
    expect(await state()).toContain(`${SECOND}/32`);
    expect((await agent.verify()).code).toBe(0);
  });

  it('and through all of it nobody answered ARP for the VIP', async () => {
    const seen = await watch.since();
    expect(seen.controlReplies).toBeGreaterThan(0);
    expect(seen.replies + seen.requestsWithSenderVip).toBe(0);
  });
});
