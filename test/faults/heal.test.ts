// heal, and report, on a host whose ARP settings somebody has taken away: it leaks.
import { expectCode } from '../support/rsprep.ts';
import type { Subject } from './support/host.ts';
import { disturbed } from './support/tier.ts';

const drifted = ({ net, agent }: Subject): void => {
  expectCode(agent.run('apply'), 0);
  net.rs.arp('all', 'arp_ignore', 0);
};

disturbed({
  name: 'heal',
  prepare: drifted,
  words: () => ['apply', '--heal'],
  ...{ code: 0, again: [0], leaks: true, promises: 'applied' },
});

disturbed({
  name: 'report-leaking',
  prepare: drifted,
  words: () => ['report'],
  ...{ code: 2, again: [2], leaks: true, promises: 'unchanged' },
});
