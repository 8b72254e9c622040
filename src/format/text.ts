import { describeAction } from '../core/model/action.ts';
import type { Finding, Unknown, Wrong } from '../core/model/finding.ts';
import { assertNever } from '../core/model/names.ts';
import type { Override } from '../core/model/override.ts';
import type { Refusal } from '../core/model/refusal.ts';
import { inWords, type Report, type StepReport, totals } from '../core/report/report.ts';
import { joinSafe, type SafeText, safe, safeLines } from './safe-text.ts';
import type { Style } from './style.ts';

export interface TextOptions {
  readonly style: Style;
  /** Also what is fine, and why each step is taken. */
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** A report for a person at a terminal. */
export const renderText = (report: Report, options: TextOptions): SafeText =>
  safeLines([
    ...report.refusals.flatMap((refusal) => renderRefusal(refusal, options.style)),
    ...renderSteps(report, options),
    ...renderVerdict(report, options),
    ...report.overrides.map((override) => renderOverride(override, options.style)),
    ...report.notes.map((note) => safe`note: ${note}`),
  ]);

function renderRefusal(refusal: Refusal, style: Style): readonly SafeText[] {
  return [safe`${style.red('refused')} ${refusal.message}`, safe`  next    ${refusal.next}`];
}

function renderSteps(report: Report, { style, verbose }: TextOptions): readonly SafeText[] {
  const many = report.steps.length > 30 && !verbose;
  const shown = many ? summarise(report.steps) : report.steps.map((step) => stepLine(step, style, verbose));
  const left = report.ending === 'planned' && report.command !== 'remove' ? leftBy(report) : [];
  if (report.steps.length > 0) return [safe`${heading(report)}:`, ...shown, ...left, safe``];
  if (report.ending !== 'planned') return [];
  if (report.command === 'remove') return [safe`nothing to do: rsprep has added nothing to this host`];
  return left.length > 0
    ? [safe`apply would do nothing with these options, but this host is not as the configuration wants it:`, ...left]
    : [safe`nothing to do: this host is as the configuration wants it`];
}

/** What is wrong and would stay so after these steps. */
function leftBy({ judgement, steps }: Report): readonly SafeText[] {
  const fixed = new Set(steps.map(({ cause }) => cause));
  return judgement.findings.flatMap((finding) => {
    if (finding.kind === 'unknown' || finding.severity === 'advice' || fixed.has(finding.id)) return [];
    if (finding.needs !== null) return [safe`  left    ${finding.id}: fixing it needs --${finding.needs}`];
    return finding.actions.length === 0 ? [safe`  left    ${finding.id}, which apply cannot fix: ${finding.fix}`] : [];
  });
}

function heading(report: Report): SafeText {
  const n = report.steps.length;
  const steps = n === 1 ? '1 step' : `${n} steps`;
  return report.ending === 'planned'
    ? safe`${report.command} would take ${steps}, in this order`
    : safe`${report.command} took ${steps}`;
}

function stepLine(step: StepReport, style: Style, verbose: boolean): SafeText {
  const mark = markOf(step.status, style);
  const why = verbose || step.status === 'planned' ? style.dim(`  (${step.cause})`) : '';
  const detail = step.detail === null ? '' : `: ${step.detail}`;
  return safe`  ${mark} ${describeAction(step.action)}${why}${detail}`;
}

function markOf(status: StepReport['status'], style: Style): SafeText {
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
      return safe`·`;
    default:
      return assertNever(status);
  }
}

/** A thousand VIPs are counted, not listed; what failed is always shown. */
function summarise(steps: readonly StepReport[]): readonly SafeText[] {
  const counts = new Map<string, number>();
  for (const { status, action } of steps) {
    const key = `${action.kind} ${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const failed = steps.filter(({ status }) => status === 'failed').slice(0, 10);
  return [
    ...[...counts].map(([key, count]) => safe`  ${count} × ${key}`),
    ...failed.map((step) => safe`  failed  ${describeAction(step.action)}: ${step.detail ?? ''}`),
    safe`  (-v lists every step)`,
  ];
}

function renderVerdict(report: Report, { style, verbose, quiet }: TextOptions): readonly SafeText[] {
  const { judgement, ending } = report;
  if (
    ending === 'planned' ||
    ending === 'refused' ||
    ending === 'removed' ||
    ending === 'held' ||
    (report.command === 'remove' && ending === 'nothing-to-do') ||
    report.failure?.kind === 'locked'
  ) {
    return ending === 'removed' ? [safe`${report.host}: removed; this host no longer holds a VIP of rsprep's`] : [];
  }
  if (report.desired === null || (ending === 'failed' && judgement.findings.length === 0)) return [];
  const counts = totals(judgement);
  const vips = report.desired.vips.length;
  const said = [
    counts.critical > 0 ? style.red(`${counts.critical} critical`) : null,
    counts.high > 0 ? style.yellow(`${counts.high} high`) : null,
    counts.unknown > 0 ? style.yellow(`${counts.unknown} unknown`) : null,
    counts.advice > 0 ? safe`${counts.advice} advice` : null,
    counts.ignored > 0 ? safe`${counts.ignored} ignored` : null,
  ].filter((part) => part !== null);
  const tail = said.length > 0 ? safe`: ${joinSafe(said, ', ')}` : '';
  const state = inWords(judgement);
  const summary = safe`${report.host}: ${state === 'prepared' ? style.green(state) : style.bold(state)}, ${vips} ${vips === 1 ? 'VIP' : 'VIPs'}${tail}`;
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

const inALine = (finding: Finding): SafeText =>
  safe`${finding.severity} ${finding.id}: ${finding.kind === 'wrong' ? finding.seen : `could not look: ${finding.reason}`}`;

/** A broken `ip` makes a dozen checks blind for one reason, which is then said once. */
function renderUnknowns(findings: readonly Finding[], style: Style): readonly SafeText[] {
  const byReason = new Map<string, Unknown[]>();
  for (const finding of findings) {
    if (finding.kind === 'unknown') byReason.set(finding.reason, [...(byReason.get(finding.reason) ?? []), finding]);
  }
  return [...byReason].flatMap(([reason, [first, ...others]]) => {
    if (!first) return [];
    const more = others.map(({ id }) => id).join(', ');
    return [
      safe`${colour(first, style)} ${style.bold(first.id)}`,
      safe`  could not look: ${reason}`,
      safe`  would help      ${first.wouldHelp}${first.forLackOfPrivilege ? ' (or more privilege)' : ''}`,
      ...(more === '' ? [] : [style.dim(`  likewise        ${more}`)]),
      safe``,
    ];
  });
}

function renderWrong(finding: Wrong, style: Style): readonly SafeText[] {
  const word = colour(finding, style);
  return [
    safe`${word} ${style.bold(finding.id)}  ${style.dim(finding.cause)}`,
    safe`  seen    ${finding.seen}`,
    safe`  wanted  ${finding.wanted}`,
    safe`  why     ${finding.why}`,
    safe`  fix     ${fixing(finding)}`,
    ...finding.consequences.slice(0, 5).map(({ id, seen }) => style.dim(`  causes  ${id}: ${seen}`)),
    safe``,
  ];
}

function colour(finding: Finding, style: Style): SafeText {
  if (finding.kind === 'unknown') return style.yellow('UNKNOWN ');
  if (finding.severity === 'critical') return style.red('CRITICAL');
  return finding.severity === 'high' ? style.yellow('HIGH    ') : style.cyan('ADVICE  ');
}

function fixing(finding: Wrong): string {
  if (finding.actions.length === 0) return finding.fix;
  const option = finding.needs === null ? '' : ` --${finding.needs}`;
  return finding.fix.includes('rsprep apply') ? finding.fix : `rsprep apply${option}, or by hand: ${finding.fix}`;
}

export function renderOverride({ kind, who, since, until, reason }: Override, style: Style): SafeText {
  return safe`${style.yellow(kind.toUpperCase())} by ${who} since ${since}${until ? ` until ${until}` : ''}: ${reason}`;
}
