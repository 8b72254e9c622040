import { EXIT } from '../../../core/report/exit-code.ts';
import { safe } from '../../../format/safe-text.ts';
import { command } from '../../command.ts';
import { formats } from '../../options/globals.ts';
import { flag, optional } from '../../options/option.ts';
import { absoluteFile } from '../../options/value.ts';
import { putInPlace } from './put.ts';
import { takeAway } from './take-away.ts';

export const installCommand = command({
  name: 'install',
  summary: 'put rsprep, its units, man page and completions on this host',
  description:
    'Puts the program, its units or cron entry, a sample configuration, the man page and completions in place, and enables the boot unit and the report. Never overwrites a file that was edited: the new version goes beside it. Applies nothing.',
  options: {
    systemd: flag('the report runs from a timer (default where systemd boots the host)', { conflicts: ['--cron'] }),
    cron: flag('the report runs from cron; the VIPs are put in place by systemd all the same, if it boots the host'),
    responder: flag('also enable the health responder (kept by later installs; systemctl disable ends that)'),
    node: optional(absoluteFile, 'the Node.js to run with (default: the one that runs now)'),
    uninstall: flag('remove everything that was installed; edited files are set aside, configuration and ledger stay', {
      conflicts: ['--systemd', '--cron', '--responder', '--node'],
    }),
    purge: flag('with --uninstall: configuration, ledger, journal and user too', { requires: ['--uninstall'] }),
    force: flag('with --uninstall: although this host still holds VIPs that rsprep put there', {
      requires: ['--uninstall'],
    }),
    'dry-run': flag('say what would be done, and do nothing', { conflicts: ['--purge', '--force'] }),
  },
  uses: { format: formats('text', 'json') },
  after: `Examples:
  rsprep install --dry-run
  rsprep install --responder
  rsprep install --cron
  rsprep remove && rsprep install --uninstall`,
  run: async (context, options) => {
    const { io, paths } = context;
    if (process.geteuid?.() !== 0 && !options['dry-run'] && paths.root === '/') {
      io.err(safe`rsprep install: this writes below /usr and /etc\n  next: run it as root\n`);
      return io.setExitCode(EXIT.permission);
    }
    return options.uninstall ? takeAway(context, options) : putInPlace(context, options);
  },
});
