import type { Finding } from '../core/model/finding.ts';
import type { GoneFinding, OpenFinding } from '../core/report/compare.ts';
import type { News } from '../core/report/news.ts';
import { type Report, totals } from '../core/report/report.ts';
import { type SafeText, safe, safeLines } from './safe-text.ts';
import type { Style } from './style.ts';
import { renderOverride } from './text.ts';
import { clock, roughly } from './time.ts';

/** As many of each kind are written out; more are counted. A mail about a thousand VIPs is read by nobody. */
const SHOWN = 20;

export interface ChangesView {
  readonly report: Report;
  readonly news: News;
  readonly who: ReadonlyMap<string, readonly string[]>;
}

/** What changed, for a mail or a terminal. Empty when nobody needs to look. */
export function renderChanges({ report, news, who }: ChangesView, style: Style): SafeText {
  if (!news.worthTelling) return safe``;
  const findings = new Map(report.judgement.findings.map((finding) => [finding.id, finding]));
  const nowMs = Date.parse(report.at);
  const lines = [
    headline(report, news, style),
    safe``,
    ...some(news.fresh, (open) => renderFresh(open, findings.get(open.id), who.get(open.id) ?? [], style)),
    ...some(news.gone, (gone) => [renderGone(gone, nowMs, style)]),
    ...some(news.still, (open) => [renderStill(open, nowMs, style)]),
    ...report.overrides.map((override) => renderOverride(override, style)),
    ...report.notes.map((note) => safe`note: ${note}`),
  ];
  return safeLines(lines.at(-1)?.toString() === '' ? lines.slice(0, -1) : lines);
}

function headline({ host, judgement, at, failure }: Report, news: News, style: Style): SafeText {
  const said = [
    news.fresh.length > 0 ? `${news.fresh.length} new` : null,
    news.gone.length > 0 ? `${news.gone.length} gone` : null,
    news.still.length > 0 ? `${news.still.length} still open` : null,
  ].filter((part) => part !== null);
  const { critical, high, unknown } = totals(judgement);
  const wanted =
    critical + high + unknown === 0
      ? style.green('is as wanted')
      : style.bold(critical + high === 0 ? 'could not be examined completely' : 'is not as wanted');
  const left = failure ? style.bold('was not examined') : wanted;
  const reminder = news.reminder && news.fresh.length + news.gone.length === 0 ? 'reminder: ' : '';
  return safe`${host}: ${reminder}${said.join(', ')}; the host ${left} (${clock(at)})`;
}

function renderFresh(
  open: OpenFinding,
  finding: Finding | undefined,
  who: readonly string[],
  style: Style,
): readonly SafeText[] {
  const cause = open.cause === null ? '' : safe`  ${style.dim(open.cause)}`;
  const lines = [
    safe`${style.bold('NEW ')} ${word(open, style)} ${style.bold(open.id)}${cause}`,
    safe`  seen    ${open.seen}`,
  ];
  if (finding?.kind === 'wrong') {
    lines.push(safe`  wanted  ${finding.wanted}`, safe`  why     ${finding.why}`, safe`  fix     ${finding.fix}`);
    for (const { id, seen } of finding.consequences.slice(0, 3)) lines.push(style.dim(`  causes  ${id}: ${seen}`));
  } else if (finding) lines.push(safe`  needs   ${finding.wouldHelp}`);
  return [...lines, ...who.map((line) => safe`  who     ${line}`), safe``];
}

function renderGone(gone: GoneFinding, nowMs: number, style: Style): SafeText {
  const lasted = roughly(nowMs - Date.parse(gone.since));
  const how = gone.because === 'ignored' ? 'now ignored by the configuration' : 'gone';
  return safe`${style.green('GONE')} ${word(gone, style)} ${gone.id}: ${how} after ${lasted}`;
}

function renderStill(open: OpenFinding, nowMs: number, style: Style): SafeText {
  const since = `since ${clock(open.since)}, ${roughly(nowMs - Date.parse(open.since))}`;
  return safe`OPEN ${word(open, style)} ${open.id}: ${open.seen} (${since})`;
}

function word({ kind, severity }: OpenFinding, style: Style): SafeText {
  if (kind === 'unknown') return style.yellow('UNKNOWN ');
  if (severity === 'critical') return style.red('CRITICAL');
  return severity === 'high' ? style.yellow('HIGH    ') : style.cyan('ADVICE  ');
}

function some<T>(items: readonly T[], render: (item: T) => readonly SafeText[]): readonly SafeText[] {
  const more = items.length - SHOWN;
  const rest = more > 0 ? [safe`… and ${more} more; \`rsprep verify\` lists all of them`] : [];
  return [...items.slice(0, SHOWN).flatMap(render), ...rest];
}
