import { group } from '../../command.ts';
import { probeArpCommand } from './arp.ts';
import { EXIT_HELP } from './output.ts';
import { probeSelfCommand } from './self.ts';
import { probeServiceCommand } from './service.ts';
import { probeWatchCommand } from './watch.ts';

export const probeCommand = group({
  name: 'probe',
  summary: 'what this host, or the network, really does: behaviour, not settings',
  description:
    'Asks and watches instead of reading settings. Every probe has a control that must succeed: without it the probe could ' +
    'not tell, which is never a pass.',
  after: `${EXIT_HELP}\n\nExamples:\n  rsprep probe self                        on a real server\n  rsprep probe arp 192.0.2.10              on another host of the segment\n  rsprep probe service 192.0.2.10:80 --via 192.0.2.21 --from 192.0.2.250/24`,
  commands: [probeSelfCommand, probeArpCommand, probeServiceCommand, probeWatchCommand],
});
