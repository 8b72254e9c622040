// The instrument before the product: the same flood that must see nothing from rsprep sees the leak that every wrong order
// opens. Plain `ip` and sysctl writes stand in for apply and remove.
import { describe, expect, it } from 'vitest';
import { type Network, VIP, withNetwork } from '../support/netns.ts';
import { type FloodCounters, startFlood } from '../support/tools.ts';

const conf = '/proc/sys/net/ipv4/conf';
const steps = {
  protect: `echo 2 >${conf}/all/arp_announce; echo 1 >${conf}/all/arp_ignore`,
  add: `ip addr add ${VIP}/32 dev lo scope host`,
  delete: `ip addr del ${VIP}/32 dev lo`,
  expose: `echo 0 >${conf}/all/arp_ignore; echo 0 >${conf}/all/arp_announce`,
} as const;
type Step = keyof typeof steps;

const CYCLES = 40;

async function floodWhile(order: readonly Step[]): Promise<FloodCounters> {
  return withNetwork(async (net) => {
    const flood = await startFlood(net);
    cycle(net, order);
    return flood.stop();
  });
}

function cycle(net: Network, order: readonly Step[]): void {
  const body = order.map((step) => `${steps[step]} || exit 1; sleep 0.005`).join('\n');
  net.rs.must(['sh', '-c', `i=0; while [ $i -lt ${CYCLES} ]; do ${body}\n i=$((i+1)); done`]);
}

/** Without these the counts of replies mean nothing. */
function expectSound(counters: FloodCounters): void {
  expect(counters.ratePerS).toBeGreaterThan(50_000);
  expect(counters.kernelDrops).toBe(0);
  expect(counters.controlReplies).toBeGreaterThan(100);
}

describe('the order of sysctls and VIP under a flood of ARP questions', () => {
  it('sees no claim of the VIP when sysctls come first and go last', async () => {
    const counters = await floodWhile(['protect', 'add', 'delete', 'expose']);
    expectSound(counters);
    expect(counters).toMatchObject({ replies: 0, requestsWithSenderVip: 0, macs: [] });
  });

  it('sees replies when the VIP comes before the sysctls', async () => {
    const counters = await floodWhile(['add', 'protect', 'delete', 'expose']);
    expectSound(counters);
    expect(counters.replies).toBeGreaterThan(CYCLES);
    expect(counters.macs).toEqual(['02:00:00:00:00:0b']);
  });

  it('sees replies when the sysctls go before the VIP', async () => {
    const counters = await floodWhile(['protect', 'add', 'expose', 'delete']);
    expectSound(counters);
    expect(counters.replies).toBeGreaterThan(CYCLES);
  });

  it('sees ARP requests with the VIP as sender when only arp_announce is forgotten', async () => {
    const counters = await withNetwork(async (net) => {
      net.rs.arp('all', 'arp_ignore', 1);
      net.rs.ip(`addr add ${VIP}/32 dev lo`);
      const flood = await startFlood(net, { seconds: 1 });
      net.rs.must(['sleep', '0.5']);
      return flood.stop();
    });
    expectSound(counters);
    expect(counters.replies).toBe(0);
    expect(counters.requestsWithSenderVip).toBeGreaterThan(10);
  });
});
