import { createInterface } from 'node:readline';
import { start } from '../../support/process.ts';
import { type FloodCounters, tool } from '../../support/tools.ts';
import type { Host } from './net.ts';

export interface ArpWatch {
  /** Counters since the last call, or since the start. */
  since(): Promise<Pick<FloodCounters, 'sent' | 'replies' | 'requestsWithSenderVip' | 'controlReplies'>>;
  /** Every MAC that has answered for the VIP, or asked in its name, since the start. */
  macs(): Promise<readonly string[]>;
  stop(): void;
}

/**
 * Asks ARP for the VIP from `peer`, `ratePerS` times a second, half of it broadcast and half to `mac`, and counts what
 * comes back; asks for `rip` all along, whose replies prove that questions arrive.
 */
export async function watchArp(
  peer: Host,
  target: {
    readonly vip: string;
    readonly rip: string;
    readonly mac: string;
    readonly source: string;
    readonly ratePerS: number;
  },
): Promise<ArpWatch> {
  const { child, done } = start([
    ...['ip', 'netns', 'exec', peer.netns, tool('arpflood'), '--interface', 'eth0', '--vip', target.vip, '--vips', '1'],
    ...['--source', target.source, '--control', target.rip, '--rs-mac', target.mac, '--rate', String(target.ratePerS)],
    ...['--provoke', '0', '--seconds', '900'],
  ]);
  if (!child.stdout) throw new Error('arpflood: no standard output');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done) throw new Error(`arpflood ended: ${JSON.stringify(await done)}`);
    return JSON.parse(line.value);
  };
  await nextLine(); // {"ready":true}
  let last = { sent: 0, replies: 0, requestsWithSenderVip: 0, controlReplies: 0 };
  const counters = async (): Promise<FloodCounters> => {
    child.stdin?.write('\n');
    return (await nextLine()) as FloodCounters;
  };
  return {
    macs: async () => (await counters()).macs,
    since: async () => {
      const now = await counters();
      if (now.kernelDrops > 0) throw new Error(`arpflood missed ${now.kernelDrops} frames: lower the rate`);
      const before = last;
      last = now;
      return {
        sent: now.sent - before.sent,
        replies: now.replies - before.replies,
        requestsWithSenderVip: now.requestsWithSenderVip - before.requestsWithSenderVip,
        controlReplies: now.controlReplies - before.controlReplies,
      };
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
