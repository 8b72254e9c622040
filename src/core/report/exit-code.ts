import { byRunNamed, checkNamed } from '../checks/registry.ts';
import type { Finding, Unknown } from '../model/finding.ts';
import { assertNever } from '../model/names.ts';
import type { FailureKind, Report } from './report.ts';

/** sysexits(3) for what went wrong with the call itself; the rest is the verdict. */
export const EXIT = {
  ok: 0,
  failed: 1,
  drift: 2,
  pending: 3,
  rolledBack: 4,
  rollbackFailed: 5,
  usage: 64,
  locked: 75,
  permission: 77,
  configuration: 78,
} as const;

/** The one place that turns a report into an exit code. The worst wins: 5, 4, 2, 1, 3, 0. */
export function exitCode(report: Report): number {
  if (report.ending === 'rollback-failed') return EXIT.rollbackFailed;
  if (report.ending === 'rolled-back' || report.ending === 'interrupted') return EXIT.rolledBack;
  if (report.failure) {
    // What was done and could not be written down is no reason to be silent about what is still wrong.
    const through = report.ending === 'applied' || report.ending === 'observed';
    const verdict = verdictCode(report.judgement.findings.filter(countsFor(report)), report.strict);
    return through && verdict === EXIT.drift ? verdict : failureCode(report.failure.kind);
  }
  if (report.refusals.length > 0) return EXIT.configuration;
  if (report.ending === 'planned' || report.ending === 'removed') return EXIT.ok;
  return verdictCode(report.judgement.findings.filter(countsFor(report)), report.strict);
}

const countsFor =
  ({ command, strict }: Report) =>
  ({ check }: Finding): boolean =>
    strict || !(command === 'apply' || command === 'confirm') || checkNamed(check)?.countsForApply !== false;

/** What verify, apply, report and check make of the findings that are left. */
export function verdictCode(findings: readonly Finding[], strict: boolean): number {
  const counts = findings.filter(({ severity }) => strict || severity !== 'advice');
  const wrong = counts.flatMap((finding) => (finding.kind === 'wrong' ? [finding] : []));
  if (wrong.some(({ cause }) => cause !== 'pending')) return EXIT.drift;
  if (counts.some((finding) => finding.kind === 'unknown' && !isExcused(finding))) return EXIT.failed;
  return wrong.length > 0 ? EXIT.pending : EXIT.ok;
}

/** An unprivileged verify does without what only root may read; a probe was asked for by name. */
const isExcused = ({ check, forLackOfPrivilege }: Unknown): boolean =>
  forLackOfPrivilege && byRunNamed(check)?.askedFor !== true;

export function failureCode(kind: FailureKind): number {
  switch (kind) {
    case 'failed':
      return EXIT.failed;
    case 'permission':
      return EXIT.permission;
    case 'locked':
      return EXIT.locked;
    case 'configuration':
      return EXIT.configuration;
    case 'usage':
      return EXIT.usage;
    default:
      return assertNever(kind);
  }
}

/** Of the monitoring-plugin protocol: https://www.monitoring-plugins.org/doc/guidelines.html, "Plugin Return Codes". */
export const PLUGIN = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
export type PluginCode = (typeof PLUGIN)[keyof typeof PLUGIN];

/** The same verdict for `rsprep check`: drift is CRITICAL, pending is WARNING, and everything that could not tell is UNKNOWN. */
export function pluginCode(code: number): PluginCode {
  if (code === EXIT.ok) return PLUGIN.ok;
  if (code === EXIT.pending) return PLUGIN.warning;
  return code === EXIT.drift ? PLUGIN.critical : PLUGIN.unknown;
}
