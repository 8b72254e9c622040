import { CHECKS } from '../core/checks/registry.ts';
import { escapeText } from '../core/escape.ts';
import { type Report, totals } from '../core/report/report.ts';
import { ownText, type SafeText } from './safe-text.ts';

export interface MetricsView {
  readonly report: Report;
  readonly exitCode: number;
  readonly version: string;
  /** The last run that could tell how the host is, ISO 8601; null where there was none or nobody remembers. */
  readonly successAt: string | null;
  /** The health responder's counters, by name; null where none runs. */
  readonly responder: Readonly<Record<string, number>> | null;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Text exposition format 0.0.4, for node_exporter's textfile collector. Gauges, because every run is a process of its own. */
export function renderPrometheus({ report, exitCode, version, successAt, responder }: MetricsView): SafeText {
  const one = (value: number): readonly Sample[] => [[{}, value]];
  const seconds = (iso: string): number => Date.parse(iso) / 1000;
  const metrics = [
    metric('rsprep_in_sync', '1 if this host is as its configuration wants it, else 0.', one(exitCode === 0 ? 1 : 0)),
    metric(
      'rsprep_exit_code',
      'Exit status of the run: 0 as wanted, 2 drift, 3 pending, others failed.',
      one(exitCode),
    ),
    metric('rsprep_findings', 'Findings of the last run.', findings(report)),
    metric(
      'rsprep_findings_ignored',
      'Findings that the configuration ignores.',
      one(totals(report.judgement).ignored),
    ),
    metric('rsprep_vips', 'VIPs in the configuration.', report.desired ? one(report.desired.vips.length) : []),
    metric(
      'rsprep_last_run_timestamp_seconds',
      'When the last run was, whether it failed or not.',
      one(seconds(report.at)),
    ),
    metric(
      'rsprep_last_success_timestamp_seconds',
      'When a run last had a result.',
      successAt === null ? [] : one(seconds(successAt)),
    ),
    metric('rsprep_run_duration_seconds', 'How long the run took.', one(round(report.durationMs / 1000))),
    metric('rsprep_override', '1 while an override of the operator is in force.', overrides(report)),
    metric('rsprep_build_info', 'The rsprep that ran.', [[{ version }, 1]]),
    metric(
      'rsprep_responder_events',
      'What the health responder counted since it started.',
      Object.entries(responder ?? {}).map(([event, value]): Sample => [{ event }, value]),
    ),
  ];
  return ownText(metrics.join(''));
}

/** Every check has its series even at 0, so that an alert sees it go away. */
function findings({ judgement }: Report): readonly Sample[] {
  const counts = new Map<string, number>(CHECKS.map(({ id, severity }) => [`${severity} ${id}`, 0]));
  for (const finding of judgement.findings) {
    const severity = finding.kind === 'unknown' ? 'unknown' : finding.severity;
    const key = `${severity} ${finding.check}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort().map(([key, count]): Sample => {
    const [severity = '', check = ''] = key.split(' ');
    return [{ severity, check }, count];
  });
}

const overrides = (report: Report): readonly Sample[] =>
  (report.overridesUnknown ? [] : ['drain', 'hold', 'vouch']).map(
    (kind): Sample => [{ kind }, report.overrides.some((o) => o.kind === kind) ? 1 : 0],
  );

function metric(name: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Backslash, quote and line feed are what the form escapes; no line feed is left here. */
const escapeLabel = (value: string): string => escapeText(value).replace(/[\\"]/g, (character) => `\\${character}`);

const round = (value: number): number => Math.round(value * 1e6) / 1e6;
