import { CONFIG_PATH } from '../../core/model/desired.ts';
import { LEDGER_PATH } from '../../core/model/ledger.ts';
import { OVERRIDES_PATH } from '../../core/model/override.ts';
import { EXIT } from '../../core/report/exit-code.ts';
import { REPORT_DIRECTORY } from '../../core/report/journal.ts';
import { SYSCTL_FILE } from '../../core/sysctl/file.ts';
import { renderMan } from '../../format/man.ts';
import { ownText } from '../../format/safe-text.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';

export const manCommand = command({
  name: 'man',
  summary: 'print the man page',
  description: 'Prints rsprep(8), made from the list of commands.',
  options: {},
  after: 'Examples:\n  rsprep man | man -l -',
  run: async (context) => {
    context.io.out(ownText(await manPage(context)));
    context.io.setExitCode(EXIT.ok);
  },
});

export async function manPage({ describeProgram }: Pick<Context, 'describeProgram'>): Promise<string> {
  return renderMan({
    ...(await describeProgram()),
    files: [
      [CONFIG_PATH, 'the configuration'],
      [LEDGER_PATH, 'what rsprep added and changed: never edit it'],
      [OVERRIDES_PATH, 'drain, hold and vouch'],
      [REPORT_DIRECTORY, 'the journal of rsprep report'],
      [SYSCTL_FILE, 'makes the ARP settings survive a reboot'],
    ],
    exitStatus: [
      [EXIT.ok, 'as wanted'],
      [EXIT.failed, 'failed, or could not tell'],
      [EXIT.drift, 'drift, or apply could not fix everything'],
      [EXIT.pending, 'pending: the configuration changed since the last apply'],
      [EXIT.rolledBack, 'apply failed and was rolled back'],
      [EXIT.rollbackFailed, 'apply failed and could not be rolled back'],
      [EXIT.usage, 'wrong call'],
      [70, 'a bug in rsprep'],
      [EXIT.locked, 'another rsprep holds the lock'],
      [EXIT.permission, 'not permitted'],
      [EXIT.configuration, 'wrong configuration, also for this host'],
    ],
  });
}
