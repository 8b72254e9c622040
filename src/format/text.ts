import { describeAction } from '../core/model/action.ts';
import type { Finding, Unknown, Wrong } from '../core/model/finding.ts';
import { assertNever } from '../core/model/names.ts';
import type { Override } from '../core/model/override.ts';
import type { Refusal } from '../core/model/refusal.ts';
import { inWords, type Report, type StepReport, totals } from '../core/report/report.ts';
import { printable, type Style } from './style.ts';

export interface TextOptions {
  readonly style: Style;
  /** Also what is fine, and why each step is taken. */
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** A report for a person at a terminal. */
export function renderText(report: Report, options: TextOptions): string {
  const lines = [
    ...report.refusals.flatMap((refusal) => renderRefusal(refusal, options.style)),
    ...renderSteps(report, options),
    ...renderVerdict(report, options),
    ...report.overrides.map((override) => renderOverride(override, options.style)),
    ...report.notes.map((note) => `note: ${note}`),
  ];
  return lines.length === 0 ? '' : `${lines.map(printableLine).join('\n')}\n`;
}

/** Our own colours stay; everything else that steers a terminal does not. */
export const printableLine = (line: string): string =>
  line
    .split(/(\u001b\[\d+m)/)
    .map((part) => (/^\u001b\[\d+m$/.test(part) ? part : printable(part)))
    .join('');

function renderRefusal(refusal: Refusal, style: Style): readonly string[] {
  return [`${style.red('refused')} ${refusal.message}`, `  next    ${refusal.next}`];
}

function renderSteps(report: Report, { style, verbose }: TextOptions): readonly string[] {
  const many = report.steps.length > 30 && !verbose;
  const shown = many ? summarise(report.steps) : report.steps.map((step) => stepLine(step, style, verbose));
  const left = report.ending === 'planned' && report.command !== 'remove' ? leftBy(report) : [];
  if (report.steps.length > 0) return [`${heading(report)}:`, ...shown, ...left, ''];
  if (report.ending !== 'planned') return [];
  if (report.command === 'remove') return ['nothing to do: rsprep has added nothing to this host'];
  return left.length > 0
    ? ['apply would do nothing with these options, but this host is not as the configuration wants it:', ...left]
    : ['nothing to do: this host is as the configuration wants it'];
}

/** What is wrong and would stay so after these steps. */
function leftBy({ judgement, steps }: Report): readonly string[] {
  const fixed = new Set(steps.map(({ cause }) => cause));
  return judgement.findings.flatMap((finding) => {
    if (finding.kind === 'unknown' || finding.severity === 'advice' || fixed.has(finding.id)) return [];
    if (finding.needs !== null) return [`  left    ${finding.id}: fixing it needs --${finding.needs}`];
    return finding.actions.length === 0 ? [`  left    ${finding.id}, which apply cannot fix: ${finding.fix}`] : [];
  });
}

function heading(report: Report): string {
  const n = report.steps.length;
  const steps = n === 1 ? '1 step' : `${n} steps`;
  return report.ending === 'planned'
    ? `${report.command} would take ${steps}, in this order`
    : `${report.command} took ${steps}`;
}

function stepLine(step: StepReport, style: Style, verbose: boolean): string {
  const mark = step.status === 'planned' ? '·' : markOf(step.status, style);
  const why = verbose || step.status === 'planned' ? style.dim(`  (${step.cause})`) : '';
  const detail = step.detail === null ? '' : `: ${step.detail}`;
  return `  ${mark} ${describeAction(step.action)}${why}${detail}`;
}

function markOf(status: StepReport['status'], style: Style): string {
  switch (status) {
    case 'done':
      return style.green('done   ');
    case 'failed':
      return style.red('failed ');
    case 'not-run':
      return style.dim('not run');
    case 'undone':
      return style.yellow('undone ');
    case 'kept':
      return style.yellow('kept   ');
    case 'planned':
      return '·';
    default:
      return assertNever(status);
  }
}

/** A thousand VIPs are counted, not listed; what failed is always shown. */
function summarise(steps: readonly StepReport[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { status, action } of steps) {
    const key = `${action.kind} ${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const failed = steps.filter(({ status }) => status === 'failed').slice(0, 10);
  return [
    ...[...counts].map(([key, count]) => `  ${count} × ${key}`),
    ...failed.map((step) => `  failed  ${describeAction(step.action)}: ${step.detail ?? ''}`),
    '  (-v lists every step)',
  ];
}

function renderVerdict(report: Report, { style, verbose, quiet }: TextOptions): readonly string[] {
  const { judgement, ending } = report;
  if (
    ending === 'planned' ||
    ending === 'refused' ||
    ending === 'removed' ||
    ending === 'held' ||
    (report.command === 'remove' && ending === 'nothing-to-do') ||
    report.failure?.kind === 'locked'
  ) {
    return ending === 'removed' ? [`${report.host}: removed; this host no longer holds a VIP of rsprep's`] : [];
  }
  if (report.desired === null || (ending === 'failed' && judgement.findings.length === 0)) return [];
  const counts = totals(judgement);
  const vips = report.desired.vips.length;
  const said = [
    counts.critical > 0 ? style.red(`${counts.critical} critical`) : null,
    counts.high > 0 ? style.yellow(`${counts.high} high`) : null,
    counts.unknown > 0 ? style.yellow(`${counts.unknown} unknown`) : null,
    counts.advice > 0 ? `${counts.advice} advice` : null,
    counts.ignored > 0 ? `${counts.ignored} ignored` : null,
  ].filter((part) => part !== null);
  const tail = said.length > 0 ? `: ${said.join(', ')}` : '';
  const state = inWords(judgement);
  const summary = `${report.host}: ${state === 'prepared' ? style.green(state) : style.bold(state)}, ${vips} ${vips === 1 ? 'VIP' : 'VIPs'}${tail}`;
  const findings = quiet
    ? judgement.findings.filter(({ severity }) => severity !== 'advice').map(inALine)
    : [
        ...judgement.findings.flatMap((finding) => (finding.kind === 'wrong' ? renderWrong(finding, style) : [])),
        ...renderUnknowns(judgement.findings, style),
      ];
  const ignored = verbose
    ? judgement.ignored.map(({ finding, rule }) =>
        style.dim(`ignored ${finding.id} (${rule.reason}${rule.until ? `, until ${rule.until}` : ''})`),
      )
    : [];
  return [...findings, ...ignored, summary];
}

const inALine = (finding: Finding): string =>
  `${finding.severity} ${finding.id}: ${finding.kind === 'wrong' ? finding.seen : `could not look: ${finding.reason}`}`;

/** A broken `ip` makes a dozen checks blind for one reason, which is then said once. */
function renderUnknowns(findings: readonly Finding[], style: Style): readonly string[] {
  const byReason = new Map<string, Unknown[]>();
  for (const finding of findings) {
    if (finding.kind === 'unknown') byReason.set(finding.reason, [...(byReason.get(finding.reason) ?? []), finding]);
  }
  return [...byReason].flatMap(([reason, [first, ...others]]) => {
    if (!first) return [];
    const more = others.map(({ id }) => id).join(', ');
    return [
      `${colour(first, style)} ${style.bold(first.id)}`,
      `  could not look: ${reason}`,
      `  would help      ${first.wouldHelp}${first.forLackOfPrivilege ? ' (or more privilege)' : ''}`,
      ...(more === '' ? [] : [style.dim(`  likewise        ${more}`)]),
      '',
    ];
  });
}

function renderWrong(finding: Wrong, style: Style): readonly string[] {
  const word = colour(finding, style);
  return [
    `${word} ${style.bold(finding.id)}  ${style.dim(finding.cause)}`,
    `  seen    ${finding.seen}`,
    `  wanted  ${finding.wanted}`,
    `  why     ${finding.why}`,
    `  fix     ${fixing(finding)}`,
    ...finding.consequences.slice(0, 5).map(({ id, seen }) => style.dim(`  causes  ${id}: ${seen}`)),
    '',
  ];
}

function colour(finding: Finding, style: Style): string {
  if (finding.kind === 'unknown') return style.yellow('UNKNOWN ');
  if (finding.severity === 'critical') return style.red('CRITICAL');
  return finding.severity === 'high' ? style.yellow('HIGH    ') : style.cyan('ADVICE  ');
}

function fixing(finding: Wrong): string {
  if (finding.actions.length === 0) return finding.fix;
  const option = finding.needs === null ? '' : ` --${finding.needs}`;
  return finding.fix.includes('rsprep apply') ? finding.fix : `rsprep apply${option}, or by hand: ${finding.fix}`;
}

export function renderOverride({ kind, who, since, until, reason }: Override, style: Style): string {
  return `${style.yellow(kind.toUpperCase())} by ${who} since ${since}${until ? ` until ${until}` : ''}: ${reason}`;
}
