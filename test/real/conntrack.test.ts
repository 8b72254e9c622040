// A full connection tracking table: its limit is one for the whole kernel, so it takes a kernel of one's own to fill it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { agentIn, type GuestAgent } from './support/guest-agent.ts';
import { NETWORK_MODULES, segment } from './support/inside.ts';
import { type Guest, startGuest } from './support/uml.ts';

const LIMIT = 20;
let guest: Guest;
let agent: GuestAgent;

beforeAll(async () => {
  guest = await startGuest({
    ...{ init: 'plain', modules: [...NETWORK_MODULES, 'nf_conntrack', 'xt_conntrack', 'iptable_filter'] },
    bootTimeoutMs: 200_000,
  });
  agent = agentIn(guest, { netns: 'rs', root: '/run/rsprep-root' });
  await segment(guest, { ports: 1 });
  await rs('ip link set p0 up; ip address add 10.0.0.11/24 dev p0; ip route add default via 10.0.0.1');
  await agent.configure({ vips: ['10.0.0.100'], directors: ['10.0.0.50'] });
  await agent.run('apply');
}, 300_000);
afterAll(() => guest?.stop());

const rs = (script: string): Promise<string> => guest.ok(`set -e\n${script}`, { netns: 'rs', timeoutMs: 60_000 });
/** Of the finding's own severity; what else this bare host has to hear is advice. */
const conntrack = async (): Promise<readonly string[]> =>
  (await agent.verify()).ids.filter((id) => id.startsWith('conntrack'));

it('is found when it is full, and not before or after', { timeout: 200_000 }, async () => {
  await rs('iptables -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT');
  const limit = (await guest.ok('cat /proc/sys/net/netfilter/nf_conntrack_max')).trim();
  expect(await conntrack()).toEqual([]);
  await guest.ok(`echo ${LIMIT} >/proc/sys/net/netfilter/nf_conntrack_max`);
  await rs(`for port in $(seq 9000 9060); do echo x 2>/dev/null >/dev/udp/10.0.0.50/$port || true; done`);
  expect(Number(await rs('cat /proc/sys/net/netfilter/nf_conntrack_count'))).toBeGreaterThanOrEqual(LIMIT);
  const { code, ids } = await agent.verify();
  expect({ code, ids: ids.filter((id) => id.startsWith('conntrack')) }).toEqual({ code: 2, ids: ['conntrack-full'] });
  await guest.ok(`echo ${limit} >/proc/sys/net/netfilter/nf_conntrack_max`);
  expect(await conntrack()).toEqual([]);
});
