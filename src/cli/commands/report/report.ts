import type { Reporting } from '../../../app/ports/report.ts';
import { type ReportRun, report, settle } from '../../../app/report/report.ts';
import { exitCode } from '../../../core/report/exit-code.ts';
import { renderChanges } from '../../../format/changes.ts';
import { safe } from '../../../format/safe-text.ts';
import { reportingOn } from '../../../linux/ports/report.ts';
import { command } from '../../command.ts';
import type { Context } from '../../context.ts';
import { desiredOrFailure } from '../../input.ts';
import { formats, timeout } from '../../options/globals.ts';
import { flag, optional } from '../../options/option.ts';
import { duration } from '../../options/value.ts';
import { machineText } from '../../output.ts';

/** Ten years: longer than any journal. */
const SINCE = { minMs: 1, maxMs: 3_660 * 86_400_000 };

export const reportCommand = command({
  name: 'report',
  summary: 'what changed since the last run; quiet when nothing did (cron)',
  description:
    'Verifies, compares with the last run, journals the change and writes the metrics file. Changes nothing on the host but its own journal.',
  options: {
    strict: flag('advice counts too', { conflicts: ['--history'] }),
    history: flag('show the journal as a timeline instead', {
      conflicts: ['--format junit', '--format prometheus', '--timeout'],
    }),
    since: optional(duration(SINCE), 'with --history: only that far back, such as 7d', { requires: ['--history'] }),
    facts: flag('with --format json: add facts about the host (takes about a second)', {
      requires: ['--format json'],
      conflicts: ['--history'],
    }),
  },
  uses: { format: formats('text', 'json', 'junit', 'prometheus'), timeout: timeout() },
  after: `Prints nothing while nothing changes, so that cron sends mail exactly when somebody should look; what is open is repeated
every report.remind. JSON, JUnit and Prometheus output is one document per run.
Exit status: as verify: 0 as wanted · 2 drift · 3 pending · 1 could not tell · 78 configuration

Examples:
  rsprep report
  rsprep report --history --since 7d
  rsprep report --format json --facts`,
  run: async (context, { strict, history, since, facts }) => {
    const host = reportingOn(context.paths, { ...context.hostOptions, looksSoon: !history });
    if (history) return (await import('./history.ts')).showHistory(context, host, since);
    const { desired, failure } = await desiredOrFailure(context);
    const run = report(host, desired, failure, { strict });
    await writeMetrics(context, run);
    await tell(context, run, facts);
    await remember(context, host, run);
    context.io.setExitCode(exitCode(run.report));
  },
});

async function tell(context: Context, run: ReportRun, facts: boolean): Promise<void> {
  const { io, globals, style } = context;
  const code = exitCode(run.report);
  if (globals.format === 'json') {
    const { renderRunJson } = await import('../../../format/report-json.ts');
    const known = facts ? await (await import('../../../linux/observe/facts.ts')).hostFacts() : null;
    io.out(renderRunJson(run, code, known));
  } else if (globals.format !== 'text') {
    const known = { successAt: run.successAt, responder: await responderCounters(context) };
    io.out(await machineText(run.report, globals.format, code, known));
  } else if (!globals.quiet || run.news.fresh.length > 0) io.out(renderChanges(run, style));
}

async function writeMetrics(context: Context, run: ReportRun): Promise<void> {
  if (run.textfile === null) return;
  const known = { successAt: run.successAt, responder: await responderCounters(context) };
  const content = await machineText(run.report, 'prometheus', exitCode(run.report), known);
  const { writeAtomic } = await import('../../../linux/files/replace.ts');
  try {
    // Under a name that does not end in .prom until it is whole: node_exporter's collector reads any time.
    await writeAtomic(context.paths, run.textfile, content.toString());
  } catch (error) {
    const { errorText } = await import('../../../linux/files/errors.ts');
    context.io.err(
      safe`rsprep report: cannot write the metrics ${run.textfile}: ${errorText(error)}\n  next: let this user write its directory, or take report.textfile out of the configuration\n`,
    );
  }
}

/** What the responder counted, by its own word; null where none has said anything for a minute. */
async function responderCounters({ paths }: Context): Promise<Readonly<Record<string, number>> | null> {
  const { readResponderCounters } = await import('../../../linux/ports/respond.ts');
  const counters = readResponderCounters(paths);
  return counters && Math.abs(Date.now() - counters.atMs) < 60_000 ? counters.stats : null;
}

async function remember(context: Context, host: Reporting, run: ReportRun): Promise<void> {
  const complaint = run.complaint ?? (await settle(host, run));
  if (complaint !== null) context.io.err(safe`rsprep report: ${complaint}\n`);
}
