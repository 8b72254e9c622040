import type { Finding } from '../core/model/finding.ts';
import type { GoneFinding, OpenFinding } from '../core/report/compare.ts';
import type { News } from '../core/report/news.ts';
import { type Report, totals } from '../core/report/report.ts';
import type { Style } from './style.ts';
import { printableLine, renderOverride } from './text.ts';
import { clock, roughly } from './time.ts';

/** As many of each kind are written out; more are counted. A mail about a thousand VIPs is read by nobody. */
const SHOWN = 20;

export interface ChangesView {
  readonly report: Report;
  readonly news: News;
  readonly who: ReadonlyMap<string, readonly string[]>;
}

/** What changed, for a mail or a terminal. Empty when nobody needs to look. */
export function renderChanges({ report, news, who }: ChangesView, style: Style): string {
  if (!news.worthTelling) return '';
  const findings = new Map(report.judgement.findings.map((finding) => [finding.id, finding]));
  const nowMs = Date.parse(report.at);
  const lines = [
    headline(report, news, style),
    '',
    ...some(news.fresh, (open) => renderFresh(open, findings.get(open.id), who.get(open.id) ?? [], style)),
    ...some(news.gone, (gone) => [renderGone(gone, nowMs, style)]),
    ...some(news.still, (open) => [renderStill(open, nowMs, style)]),
    ...report.overrides.map((override) => renderOverride(override, style)),
    ...report.notes.map((note) => `note: ${note}`),
  ];
  return `${lines.map(printableLine).join('\n').trimEnd()}\n`;
}

function headline({ host, judgement, at, failure }: Report, news: News, style: Style): string {
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
  return `${host}: ${reminder}${said.join(', ')}; the host ${left} (${clock(at)})`;
}

function renderFresh(
  open: OpenFinding,
  finding: Finding | undefined,
  who: readonly string[],
  style: Style,
): readonly string[] {
  const cause = open.cause === null ? '' : `  ${style.dim(open.cause)}`;
  const lines = [`${style.bold('NEW ')} ${word(open, style)} ${style.bold(open.id)}${cause}`, `  seen    ${open.seen}`];
  if (finding?.kind === 'wrong') {
    lines.push(`  wanted  ${finding.wanted}`, `  why     ${finding.why}`, `  fix     ${finding.fix}`);
    for (const { id, seen } of finding.consequences.slice(0, 3)) lines.push(style.dim(`  causes  ${id}: ${seen}`));
  } else if (finding) lines.push(`  needs   ${finding.wouldHelp}`);
  return [...lines, ...who.map((line) => `  who     ${line}`), ''];
}

function renderGone(gone: GoneFinding, nowMs: number, style: Style): string {
  const lasted = roughly(nowMs - Date.parse(gone.since));
  const how = gone.because === 'ignored' ? 'now ignored by the configuration' : 'gone';
  return `${style.green('GONE')} ${word(gone, style)} ${gone.id}: ${how} after ${lasted}`;
}

function renderStill(open: OpenFinding, nowMs: number, style: Style): string {
  const since = `since ${clock(open.since)}, ${roughly(nowMs - Date.parse(open.since))}`;
  return `OPEN ${word(open, style)} ${open.id}: ${open.seen} (${since})`;
}

function word({ kind, severity }: OpenFinding, style: Style): string {
  if (kind === 'unknown') return style.yellow('UNKNOWN ');
  if (severity === 'critical') return style.red('CRITICAL');
  return severity === 'high' ? style.yellow('HIGH    ') : style.cyan('ADVICE  ');
}

function some<T>(items: readonly T[], render: (item: T) => readonly string[]): readonly string[] {
  const more = items.length - SHOWN;
  const rest = more > 0 ? [`… and ${more} more; \`rsprep verify\` lists all of them`] : [];
  return [...items.slice(0, SHOWN).flatMap(render), ...rest];
}
