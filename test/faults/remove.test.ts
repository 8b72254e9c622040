// remove and report on a prepared host.
import { expectCode } from '../support/rsprep.ts';
import type { Subject } from './support/host.ts';
import { disturbed } from './support/tier.ts';

const prepared = ({ agent }: Subject): void => {
  expectCode(agent.run('apply'), 0);
};

disturbed({
  name: 'remove',
  prepare: prepared,
  words: () => ['remove', '--drain-wait', '0s'],
  ...{ code: 0, again: [0], leaks: false, promises: 'nothing' },
});

disturbed({
  name: 'report',
  prepare: prepared,
  words: () => ['report'],
  ...{ code: 0, again: [0], leaks: false, promises: 'unchanged' },
});
