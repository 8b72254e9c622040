import type { Reporting } from '../../../app/ports/report.ts';
import { lacksPrivilege } from '../../../core/model/reading.ts';
import { EXIT, failureCode } from '../../../core/report/exit-code.ts';
import { historyOf } from '../../../core/report/history.ts';
import { safe } from '../../../format/safe-text.ts';
import type { Context } from '../../context.ts';

/** `rsprep report --history`: reads the journal and nothing else. */
export async function showHistory(context: Context, host: Reporting, sinceMs: number | null): Promise<void> {
  const { io, globals, style } = context;
  const journal = host.journal();
  if (journal.kind !== 'value') {
    const reason = journal.kind === 'unreadable' ? journal.reason : 'it is not there';
    const kind = lacksPrivilege(journal) ? 'permission' : 'failed';
    io.err(safe`rsprep report: the journal cannot be read: ${reason}\n  next: run this as root\n`);
    return io.setExitCode(failureCode(kind));
  }
  const { records, skipped } = journal.value;
  const now = host.now();
  const from = sinceMs === null ? null : new Date(now.getTime() - sinceMs).toISOString();
  const history = historyOf(records, from, now.toISOString());
  const { historyJson, renderHistory } = await import('../../../format/history.ts');
  io.out(
    globals.format === 'json'
      ? historyJson(host.hostName(), history, skipped)
      : renderHistory(host.hostName(), history, skipped, style),
  );
  io.setExitCode(EXIT.ok);
}
