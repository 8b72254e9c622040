import type { Finding } from '../core/model/finding.ts';
import { type Report, totals } from '../core/report/report.ts';
import { type SafeText, safeLines } from './safe-text.ts';

const WORDS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

/**
 * Monitoring-plugin output: a line with the verdict and performance data, then long output.
 * https://www.monitoring-plugins.org/doc/guidelines.html
 * @param code 0 to 3, computed from the report's exit code
 */
export function renderPlugin(report: Report, code: 0 | 1 | 2 | 3): SafeText {
  const { critical, high, advice, unknown, ignored } = totals(report.judgement);
  const perfdata = [
    `critical=${critical};;0;0`,
    `high=${high};;0;0`,
    `unknown=${unknown};;;0`,
    `advice=${advice};;;0`,
    `ignored=${ignored};;;0`,
    `time=${(report.durationMs / 1000).toFixed(3)}s;;;0`,
  ].join(' ');
  const long = [
    ...report.judgement.findings.map(findingLine),
    ...report.overrides.map(({ kind, who, since, reason }) => `${kind} by ${who} since ${since}: ${reason}`),
    ...report.notes.map((note) => `note: ${note}`),
  ];
  // A run that saw nothing has no figures: zeros would look like a host that is well.
  const figures = report.failure ? '' : ` | ${perfdata}`;
  return safeLines([`RSPREP ${WORDS[code]} - ${withoutBar(summary(report))}${figures}`, ...long.map(withoutBar)]);
}

function summary(report: Report): string {
  if (report.failure) return `${report.failure.message} (${report.failure.next})`;
  const { findings } = report.judgement;
  const vips = report.desired?.vips.length ?? 0;
  const prepared = `${vips} ${vips === 1 ? 'VIP' : 'VIPs'} prepared`;
  const serious = findings.filter(({ severity }) => report.strict || severity !== 'advice');
  const unknown = report.overridesUnknown ? ', overrides cannot be read' : '';
  const held = `${report.overrides.map(({ kind }) => `, ${kind} in force`).join('')}${unknown}`;
  if (serious.length === 0) return `${prepared}${held}`;
  const named = serious.slice(0, 3).map(({ id }) => id);
  const more = serious.length > named.length ? ` and ${serious.length - named.length} more` : '';
  return `${named.join(', ')}${more}${held}`;
}

function findingLine(finding: Finding): string {
  if (finding.kind === 'unknown') return `UNKNOWN ${finding.id}: ${finding.reason}`;
  return `${finding.severity.toUpperCase()} ${finding.id} (${finding.cause}): ${finding.seen}; fix: ${finding.fix}`;
}

/** A bar would begin performance data. */
const withoutBar = (text: string): string => text.replaceAll('|', '/');
