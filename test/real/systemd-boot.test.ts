// A booted Debian with systemd: installed, rebooted in several ways, and asked ARP for its VIP all the while.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sleep } from '../support/process.ts';
import { type ArpWatch, watchArp } from './support/arp-watch.ts';
import { whoHas } from './support/inside.ts';
import { installRsprep, rsprep, VIP } from './support/installed.ts';
import { fullyBooted, MACHINE_MAC, reboot, startMachine } from './support/machine.ts';
import { type Lan, makeLan } from './support/net.ts';
import type { Guest } from './support/uml.ts';

const RIP = '10.0.0.11';
const CONFIG = `version: 1\nvips: [${VIP}]\nrip: ${RIP}\n`;

let lan: Lan;
let machine: Guest;
let watch: ArpWatch;

beforeAll(async () => {
  lan = makeLan();
  const peer = lan.host('peer', '10.0.0.50/24');
  watch = await watchArp(peer, { vip: VIP, rip: RIP, mac: MACHINE_MAC, source: '10.0.0.50', ratePerS: 500 });
  machine = await startMachine(lan, { name: 'machine', address: `${RIP}/24` });
  await fullyBooted(machine);
  await installRsprep(machine, CONFIG);
}, 300_000);

afterAll(async () => {
  watch?.stop();
  await machine?.stop();
  lan?.remove();
});

/**
 * Reboots; the peer asks from the reboot's first moment until the host has answered for its own address a while.
 * @param failed units that are expected to fail
 */
async function rebootAsked(failed = ''): Promise<{ replies: number; controls: number; sent: number }> {
  await watch.since();
  await reboot(machine).catch(async (cause: unknown) => {
    const { stdout } = await machine.sh('systemctl --failed --plain --no-legend | cut -d" " -f1', {
      timeoutMs: 30_000,
    });
    const said = (await machine.sh('journalctl -b -u rsprep-apply -o cat')).stdout;
    if (failed === '' || stdout.trim() !== failed) throw new Error(said, { cause });
  });
  await sleep(1500);
  const seen = await watch.since();
  return { replies: seen.replies + seen.requestsWithSenderVip, controls: seen.controlReplies, sent: seen.sent };
}

async function expectSilentBoot(failed = ''): Promise<void> {
  const { replies, controls, sent } = await rebootAsked(failed);
  console.log(`through the boot: asked ${sent} times for the VIP, ${replies} replies; ${controls} for the RIP`);
  expect(sent).toBeGreaterThan(2000);
  expect(controls).toBeGreaterThan(0);
  expect(replies).toBe(0);
}

const onLo = async (): Promise<string> => await machine.ok('ip -4 -br address show dev lo');
const arp = async (): Promise<string> =>
  (await machine.ok('sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce')).trim();

describe('the first boot after install, with nothing applied before', () => {
  it('nobody hears of the VIP, which is on lo, and the settings hold', async () => {
    await expectSilentBoot();
    expect(await onLo()).toContain(`${VIP}/32`);
    expect(await arp()).toBe('1\n2');
    expect(await rsprep(machine, 'verify')).toMatchObject({ code: 0 });
  });
  it('apply ended before networkd began', async () => {
    const times = await machine.ok(
      'systemctl show -p ExecMainExitTimestampMonotonic rsprep-apply; systemctl show -p ExecMainStartTimestampMonotonic systemd-networkd',
    );
    const [ended = 0, began = 0] = [...times.matchAll(/=(\d+)/g)].map(([, us]) => Number(us));
    expect(ended).toBeGreaterThan(0);
    expect(ended).toBeLessThan(began);
  });
  it('stopping the unit removes nothing', async () => {
    await machine.ok('systemctl stop rsprep-apply.service');
    expect(await onLo()).toContain(`${VIP}/32`);
    await machine.ok('systemctl start rsprep-apply.service', { timeoutMs: 60_000 });
  });
});

describe('a boot that cannot prepare the host', () => {
  it('is followed by tries until one has', async () => {
    await machine.ok(`
      systemctl stop rsprep-apply.service
      ip address del ${VIP}/32 dev lo
      flock /run/rsprep/lock sleep 1000 >/dev/null 2>&1 </dev/null & echo $! > /run/holder
      sed 's/--lock-timeout 30s/--lock-timeout 0s/' /etc/systemd/system/rsprep-apply.service > /run/systemd/system/rsprep-apply.service
      mv /etc/systemd/system/rsprep-apply.service /root/
      systemctl daemon-reload`);
    expect((await machine.sh('systemctl start rsprep-apply.service', { timeoutMs: 60_000 })).code).not.toBe(0);
    const retry = async (): Promise<string> =>
      (await machine.sh('systemctl is-active rsprep-apply-retry.service')).stdout.trim();
    expect(await retry()).toMatch(/^activ/);
    expect(await onLo()).not.toContain(VIP);
    await machine.ok('pkill -P "$(cat /run/holder)"');
    await expect.poll(onLo, { timeout: 60_000, interval: 500 }).toContain(`${VIP}/32`);
    await expect.poll(retry, { timeout: 20_000, interval: 500 }).toBe('inactive');
    await machine.ok(
      `
      mv /root/rsprep-apply.service /etc/systemd/system/; rm /run/systemd/system/rsprep-apply.service
      systemctl daemon-reload; systemctl start rsprep-apply.service`,
      { timeoutMs: 60_000 },
    );
  });
});

describe('a file of the distribution that says otherwise, and wins by its name', () => {
  const FILE = '/usr/lib/sysctl.d/99-zzz-vendor.conf';
  it('is named by verify before the boot', async () => {
    await machine.ok(`printf 'net.ipv4.conf.all.arp_ignore = 0\\nnet.ipv4.conf.all.arp_announce = 0\\n' > ${FILE}`);
    const { code, stdout } = await rsprep(machine, 'verify');
    expect(code).toBe(2);
    expect(stdout).toContain(`${FILE}: line 2 sets conf/all/arp_announce=0, line 1 sets conf/all/arp_ignore=0`);
  });
  it('nobody hears of the VIP, through a boot on which a drain survives', async () => {
    await rsprep(machine, 'drain --reason "new disk"');
    // The unit says with its failure that the file is still there; what is live it has fixed.
    await expectSilentBoot('rsprep-apply.service');
    await machine.ok(`rm ${FILE}`);
    // The file won over `all`; `default` and the NIC are as rsprep's own file says, which is enough.
    const values = await machine.ok('sysctl -n net.ipv4.conf.all.arp_ignore net.ipv4.conf.vec0.arp_ignore');
    expect(Math.max(...values.trim().split('\n').map(Number))).toBe(1);
    expect(await onLo()).toContain(`${VIP}/32`);
    expect((await rsprep(machine, 'status')).stdout).toMatch(/drain/i);
  });
});

describe('an interface that appears later', () => {
  it('does not answer for the VIP either', async () => {
    await machine.ok(`
      modprobe veth
      ip netns add peer
      ip link add late type veth peer name eth0 netns peer
      ip address add 10.7.7.1/24 dev late
      ip link set late up
      ip -n peer address add 10.7.7.2/24 dev eth0
      ip -n peer link set eth0 up
      udevadm settle`);
    expect(await whoHas(machine, '10.7.7.1')).not.toEqual([]);
    expect(await whoHas(machine, VIP)).toEqual([]);
    // So that the test can fail: without the settings it does.
    await machine.ok('sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.late.arp_ignore=0');
    expect(await whoHas(machine, VIP)).not.toEqual([]);
    await machine.ok('sysctl -qw net.ipv4.conf.all.arp_ignore=1');
  });
});

describe('networkd and a VIP on a device of its own', () => {
  it('keeps the VIP with the drop-ins that install makes; without them it takes it away', async () => {
    const devices = 'vips: [{address: 10.0.0.103, device: du0}, {address: 10.0.0.104, device: du1}]';
    await machine.ok(`
      modprobe dummy
      for n in 0 1; do ip link add du$n type dummy; ip link set du$n up; done
      printf '[Match]\\nName=du*\\n[Network]\\nLinkLocalAddressing=no\\n' > /etc/systemd/network/60-all.network
      printf '[Match]\\nName=du1\\n[Network]\\nLinkLocalAddressing=no\\n' > /etc/systemd/network/50-one.network
      printf 'version: 1\\nrip: ${RIP}\\n${devices}\\n' > /root/dummy.yaml`);
    const held = async (): Promise<string> => {
      await rsprep(machine, 'apply -q -c /root/dummy.yaml');
      await machine.ok('networkctl reload; systemctl restart systemd-networkd; sleep 3', { timeoutMs: 30_000 });
      return await machine.ok('ip -4 -br address show dev du0; ip -4 -br address show dev du1');
    };
    expect(await held()).not.toMatch(/10\.0\.0\.10[34]/);
    await machine.ok(
      '/opt/node/node /share/package/dist/rsprep.cjs install -c /root/dummy.yaml --node /opt/node/node',
      { timeoutMs: 60_000 },
    );
    expect(await held()).toMatch(/10\.0\.0\.103[\s\S]*10\.0\.0\.104/);
    await rsprep(machine, 'remove --force');
  });
});

describe('a hold', () => {
  it('survives the reboot: the boot leaves the host alone, and nothing fails', async () => {
    await rsprep(machine, 'apply -q');
    await rsprep(machine, 'remove --reason "taken out"');
    await expectSilentBoot();
    expect(await onLo()).not.toContain(VIP);
    expect((await rsprep(machine, 'status')).stdout).toMatch(/hold/i);
    await rsprep(machine, 'apply');
    await expectSilentBoot();
    expect(await onLo()).toContain(`${VIP}/32`);
  });
});
