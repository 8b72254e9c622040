import { isPrefix } from '../../../udp/options.ts';
import { command } from '../../command.ts';
import { timeout } from '../../options/globals.ts';
import { repeated } from '../../options/option.ts';
import { parsed } from '../../options/value.ts';
import { UsageError } from '../../usage-error.ts';
import { serveUntilStopped } from './serve.ts';
import { settingsOf } from './settings.ts';

const prefix = parsed('prefix', 'an address or prefix such as 10.0.0.0/24', (word) => (isPrefix(word) ? word : null));

export const respondCommand = command({
  name: 'respond',
  summary: 'the UDP health responder: vouches for this host while it can serve',
  description:
    'Answers the directors on UDP, from the address they asked, as long as this host is in the state last applied. Looks at the host\n' +
    'every interval: after two bad looks in a row it stops vouching, after one good look it vouches again. Needs no privilege. Runs\n' +
    'until SIGTERM, on which it goes silent first. Protocol and settings: docs/wire-protocol.md, docs/udp.md.',
  options: { allow: repeated(prefix, 'also answer this address or prefix; may be repeated') },
  uses: { timeout: timeout() },
  after: `Exit status: 0 stopped by a signal · 78 no usable configuration and nothing applied · 1 the port cannot be opened

Examples:
  rsprep respond
  rsprep respond --allow 10.0.0.0/24        # for a test from elsewhere
  rsprep ask 127.0.0.1                      # from another terminal`,
  run: async (context, { allow }) => {
    if (context.globals.config === '-')
      throw new UsageError('--config: expected a file, because it is read again, received "-"');
    const settings = await settingsOf(context, allow);
    if (settings !== null) await serveUntilStopped(context, settings, allow);
  },
});
