// keepalived on the real server itself, holding the same VIP: what it breaks, that verify says so, what apply may fix.
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { agentIn, type GuestAgent } from './support/guest-agent.ts';
import { segment, whoHas } from './support/inside.ts';
import { sharedGuest } from './support/shared.ts';
import type { Guest } from './support/uml.ts';

const VIP = '10.0.0.100';
const RIP = '10.0.0.11';

let guest: Guest;
let agent: GuestAgent;

beforeAll(async () => {
  guest = await sharedGuest();
  agent = agentIn(guest, { netns: 'rs', root: '/run/rsprep-root' });
}, 300_000);

beforeEach(async () => {
  await guest.ok('rm -rf /run/rsprep-root');
  await segment(guest, { ports: 1 });
  await rs(`ip link set p0 up; ip address add ${RIP}/24 dev p0`);
  await agent.configure({ vips: [VIP] });
  await agent.run('apply');
});

const rs = (script: string): Promise<string> => guest.ok(`set -e\n${script}`, { netns: 'rs' });
const whereIsTheVip = async (): Promise<string[]> =>
  [...(await rs('ip -4 -o address')).matchAll(/: (\S+) +inet ([\d.]+)\/32/g)].map(
    ([, device, ip]) => `${ip} ${device}`,
  );

/** keepalived as somebody set it up, in the real server's namespace, until it is master. */
async function startVrrp(virtualAddress: string): Promise<void> {
  await rs(`cat > /run/rs-k.conf <<'END'
    vrrp_instance own { state MASTER
      interface p0
      virtual_router_id 9
      priority 255
      version 3
      advert_int 0.1
      virtual_ipaddress { ${virtualAddress}
      } }
END
    setsid keepalived -P -n -l -D -f /run/rs-k.conf -p /run/rs-k.pid -r /run/rs-kv.pid </dev/null >/run/rs-k.log 2>&1 &`);
  await guest.ok('until grep -q "Entering MASTER" /run/rs-k.log; do sleep 0.05; done; sleep 0.3');
}
const stopVrrp = (): Promise<string> =>
  guest.ok(
    'p=$(cat /run/rs-k.pid) || exit 0; kill $p; while [ -e /proc/$p ]; do sleep 0.05; done; rm -f /run/rs-k.pid',
  );

afterEach(() => stopVrrp().then(() => undefined));

it('by default it puts the VIP on the NIC, which answers ARP: verify says so, apply fixes it only when told to', async () => {
  await startVrrp(`${VIP}/32`);
  expect(await whoHas(guest, VIP)).not.toEqual([]);
  const { code, ids } = await agent.verify();
  expect(code).toBe(2);
  expect(ids).toContain(`vip-on-nic@${VIP}`);

  await agent.run('apply', 2);
  // keepalived puts it back at once, for as long as it runs: apply must not claim that it is gone, nor lose the VIP on lo.
  await agent.run('apply --take-from-nic', 2, 4);
  expect(await whereIsTheVip()).toEqual([`${VIP} lo`, `${VIP} p0`]);
  await stopVrrp();
  expect(await whereIsTheVip()).toEqual([`${VIP} lo`]);
  expect(await whoHas(guest, VIP)).toEqual([]);
  expect(await agent.verify()).toEqual({ code: 0, ids: [] });
});

it('with "dev lo" it is silent, but takes the VIP along when it stops: verify says so, apply puts it back', async () => {
  await startVrrp(`${VIP}/32 dev lo`);
  expect(await whoHas(guest, VIP)).toEqual([]);
  await stopVrrp();
  expect(await whereIsTheVip()).toEqual([]);
  const { code, ids } = await agent.verify();
  expect({ code, ids }).toEqual({ code: 2, ids: [`vip-missing@${VIP}`] });
  await agent.run('apply');
  expect(await whereIsTheVip()).toEqual([`${VIP} lo`]);
  expect(await agent.verify()).toEqual({ code: 0, ids: [] });
});
