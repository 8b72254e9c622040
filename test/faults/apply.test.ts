// apply on a host that was never prepared, one that leaks, and at boot: one system call fails, or is the last.
import { expectCode } from '../support/rsprep.ts';
import { VIPS } from './support/host.ts';
import { disturbed } from './support/tier.ts';

disturbed({
  name: 'apply',
  prepare: () => undefined,
  words: () => ['apply'],
  ...{ code: 0, again: [0], leaks: false, promises: 'applied' },
});

disturbed({
  name: 'apply-leaking',
  prepare: ({ net }) => net.rs.batch(VIPS.map((vip) => `addr add ${vip}/32 dev lo`)),
  words: () => ['apply'],
  ...{ code: 0, again: [0], leaks: true, promises: 'applied' },
});

// The kernel has forgotten everything, and the files have not.
disturbed({
  name: 'boot',
  prepare: ({ net, agent }) => {
    expectCode(agent.run('apply'), 0);
    net.rs.batch([...VIPS.map((vip) => `addr del ${vip}/32 dev lo`), 'addr del fd00::100/128 dev lo']);
    for (const scope of ['all', 'default', 'lo', 'eth0']) {
      net.rs.arp(scope, 'arp_ignore', 0);
      net.rs.arp(scope, 'arp_announce', 0);
    }
  },
  words: () => ['apply', '--boot'],
  ...{ code: 0, again: [0], leaks: false, promises: 'applied' },
});
