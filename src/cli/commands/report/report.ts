import type { Command } from 'commander';
import type { Reporting } from '../../../app/ports/report.ts';
import { type ReportRun, report, settle } from '../../../app/report/report.ts';
import { exitCode } from '../../../core/report/exit-code.ts';
import { renderChanges } from '../../../format/changes.ts';
import { reportingOn } from '../../../linux/ports/report.ts';
import { type Context, contextOf, type Io } from '../../context.ts';
import { addGlobals, duration, UsageError } from '../../globals.ts';
import { desiredOrFailure } from '../../input.ts';
import { machineText, requireReportFormat, VERDICT_FORMATS } from '../../output.ts';

const EXAMPLES = `
Prints nothing while nothing changes, so that cron sends mail exactly when somebody should look; what is open is repeated
every report.remind. JSON, JUnit and Prometheus output is one document per run.
Exit status: as verify: 0 as wanted · 2 drift · 3 pending · 1 could not tell · 78 configuration

Examples:
  rsprep report
  rsprep report --history --since 7d
  rsprep report --format json --facts`;

export function registerReport(program: Command, io: Io): void {
  const command = program
    .command('report')
    .summary('what changed since the last run; quiet when nothing did (cron)')
    .description(
      'Verifies, compares with the last run, journals the change and writes the metrics file. Changes nothing on the host but its own journal.',
    )
    .option('--strict', 'advice counts too')
    .option('--history', 'show the journal as a timeline instead')
    .option('--since <duration>', 'with --history: only that far back, such as 7d')
    .option('--facts', 'with --format json: add facts about the host (takes about a second)')
    .addHelpText('after', EXAMPLES);
  addGlobals(command).action(async (options: Record<string, unknown>, self: Command) => {
    const context = contextOf(self, io);
    const host = reportingOn(context.paths, { ...context.hostOptions, looksSoon: options.history !== true });
    const sinceMs = duration(options.since, '--since');
    if (sinceMs !== null && options.history !== true)
      throw new UsageError('--since: expected together with --history, received alone');
    if (options.facts === true && context.globals.format !== 'json')
      throw new UsageError('--facts: expected together with --format json, received without');
    if (options.history === true) {
      requireReportFormat(context);
      return (await import('./history.ts')).showHistory(context, host, sinceMs);
    }
    requireReportFormat(context, VERDICT_FORMATS);
    const { desired, failure } = await desiredOrFailure(context);
    const run = report(host, desired, failure, { strict: options.strict === true });
    await writeMetrics(context, run);
    await tell(context, run, options.facts === true);
    await remember(context, host, run);
    io.setExitCode(exitCode(run.report));
  });
}

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
  const { writeTextfile } = await import('../../../linux/files/textfile.ts');
  try {
    writeTextfile(context.paths, run.textfile, content);
  } catch (error) {
    const { errorText } = await import('../../../linux/files/errors.ts');
    context.io.err(
      `rsprep report: cannot write the metrics ${run.textfile}: ${errorText(error)}\n  next: let this user write its directory, or take report.textfile out of the configuration\n`,
    );
  }
}

/** What the responder counted, by its own word; null where none has said anything for a minute. */
async function responderCounters({ paths }: Context): Promise<Readonly<Record<string, number>> | null> {
  const { readResponderRecord } = await import('../../../linux/ports/respond.ts');
  const record = readResponderRecord(paths);
  return record && Date.now() - Date.parse(record.at) < 60_000 ? record.stats : null;
}

async function remember(context: Context, host: Reporting, run: ReportRun): Promise<void> {
  const complaint = run.complaint ?? (await settle(host, run));
  if (complaint !== null) context.io.err(`rsprep report: ${complaint}\n`);
}
