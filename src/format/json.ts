import { type Action, describeAction } from '../core/model/action.ts';
import { settingText } from '../core/model/arp-settings.ts';
import type { Finding } from '../core/model/finding.ts';
import { FORMAT_VERSION, type Report, totals } from '../core/report/report.ts';
import { type SafeText, safeJson } from './safe-text.ts';

/** The documented, versioned form (docs/schema/report.schema.json). */
export function renderJson(report: Report, exitCode: number): SafeText {
  return safeJson(toJson(report, exitCode));
}

export function toJson(report: Report, exitCode: number): object {
  return {
    format_version: FORMAT_VERSION,
    command: report.command,
    host: report.host,
    at: report.at,
    duration_ms: Math.round(report.durationMs),
    exit_code: exitCode,
    ending: report.ending,
    summary: totals(report.judgement),
    vips: report.desired?.vips.map(({ address, device }) => ({ address, device })) ?? null,
    findings: report.judgement.findings.map(finding),
    ignored: report.judgement.ignored.map(({ finding: { id }, rule }) => ({
      id,
      reason: rule.reason,
      until: rule.until,
    })),
    steps: report.steps.map((step) => ({
      action: action(step.action),
      status: step.status,
      cause: step.cause,
      detail: step.detail,
    })),
    refusals: report.refusals,
    overrides: report.overrides,
    notes: report.notes,
    failure: report.failure,
  };
}

function finding(item: Finding): object {
  const base = { id: item.id, check: item.check, subject: item.subject, severity: item.severity, kind: item.kind };
  if (item.kind === 'unknown') {
    return { ...base, reason: item.reason, would_help: item.wouldHelp, for_lack_of_privilege: item.forLackOfPrivilege };
  }
  return {
    ...base,
    cause: item.cause,
    wanted: item.wanted,
    seen: item.seen,
    why: item.why,
    fix: item.fix,
    apply_fixes: item.actions.length > 0,
    needs_option: item.needs === null ? null : `--${item.needs}`,
    vouch: item.vouch,
    vips: item.vips,
    consequences: item.consequences,
  };
}

function action(item: Action): object {
  const text = describeAction(item);
  if (item.kind === 'set-sysctl') return { kind: item.kind, text, sysctl: settingText(item.setting), to: item.to };
  if ('ip' in item) return { kind: item.kind, text, device: item.device, address: `${item.ip}/${item.prefixLength}` };
  if ('path' in item) return { kind: item.kind, text, path: item.path };
  return { kind: item.kind, text };
}
