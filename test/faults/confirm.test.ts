// A change that waits to be confirmed: it is armed, kept or taken back whole, or the one who takes it back still waits.
import { expectCode } from '../support/rsprep.ts';
import { endWatchdogs, ledgerOf, type Subject } from './support/host.ts';
import { disturbed } from './support/tier.ts';

const wait = ({ agent }: Subject): void => {
  expectCode(agent.run('apply', '--confirm', '3600'), 0);
};

disturbed({
  name: 'apply-confirm',
  prepare: () => undefined,
  words: () => ['apply', '--confirm', '3600'],
  // 75: it waits already.
  ...{ code: 0, again: [0, 75], leaks: false, promises: 'waiting' },
});

disturbed({
  name: 'confirm',
  prepare: () => undefined,
  each: wait,
  words: () => ['confirm'],
  // 1: it is confirmed already.
  ...{ code: 0, again: [0, 1], leaks: false, promises: 'applied' },
});

disturbed({
  name: 'revert',
  prepare: wait,
  words: () => ['confirm', '--revert'],
  // 1: it is taken back already.
  ...{ code: 0, again: [0, 1], leaks: false, promises: 'nothing' },
});

// As its watchdog runs it, once the time is up. The token is that of the run that is taken back, or any once none waits.
disturbed({
  name: 'revert-watchdog',
  prepare: (subject) => {
    expectCode(subject.agent.run('apply', '--confirm', '2'), 0);
    endWatchdogs(subject);
    subject.net.rs.must(['sleep', '2.1']);
  },
  words: (subject) => ['confirm', '--revert', ledgerOf(subject)?.unconfirmed?.token ?? 'none'],
  ...{ code: 0, again: [0], leaks: false, promises: 'nothing' },
});
