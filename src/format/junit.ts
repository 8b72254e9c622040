import { CHECKS } from '../core/checks/registry.ts';
import { escapeText } from '../core/escape.ts';
import type { Finding } from '../core/model/finding.ts';
import type { Report } from '../core/report/report.ts';
import { ownText, type SafeText } from './safe-text.ts';

/** One test case per check that found nothing, and one per finding. Advice fails only with --strict, as it does in the exit code. */
export function renderJunit(report: Report): SafeText {
  const cases = [...failureCases(report), ...findingCases(report), ...passingCases(report)];
  const count = (outcome: Case['outcome']): number => cases.filter((item) => item.outcome === outcome).length;
  const attributes = {
    name: `rsprep ${report.command}`,
    tests: cases.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: (report.durationMs / 1000).toFixed(3),
  };
  const suite = { ...attributes, hostname: report.host, timestamp: report.at };
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributesText(attributes)}>`,
    `  <testsuite${attributesText(suite)}>`,
    ...cases.map(caseText),
    '  </testsuite>',
    '</testsuites>',
    '',
  ];
  return ownText(lines.join('\n'));
}

interface Case {
  readonly name: string;
  readonly group: string;
  readonly outcome: 'passed' | 'failure' | 'error' | 'skipped';
  readonly type: string;
  readonly message: string;
  readonly lines: readonly string[];
}

function failureCases({ failure, refusals }: Report): readonly Case[] {
  const failed = failure ? [{ name: 'run', type: failure.kind, message: failure.message, lines: [failure.next] }] : [];
  const refused = refusals.map(({ message, next }) => ({ name: 'preflight', type: 'refused', message, lines: [next] }));
  return [...failed, ...refused].map((item): Case => ({ ...item, group: 'run', outcome: 'error' }));
}

function findingCases({ judgement, strict }: Report): readonly Case[] {
  const found = judgement.findings.map((finding) => findingCase(finding, strict));
  const ignored = judgement.ignored.map(
    ({ finding, rule }): Case => ({
      ...findingCase(finding, strict),
      outcome: 'skipped',
      message: `ignored${rule.until === null ? '' : ` until ${rule.until}`}: ${rule.reason}`,
    }),
  );
  return [...found, ...ignored];
}

function findingCase(finding: Finding, strict: boolean): Case {
  const base = { name: finding.id, group: finding.severity };
  if (finding.kind === 'unknown') {
    const outcome = finding.forLackOfPrivilege || (finding.severity === 'advice' && !strict) ? 'skipped' : 'error';
    return { ...base, outcome, type: 'unknown', message: finding.reason, lines: [`would help: ${finding.wouldHelp}`] };
  }
  const { seen, wanted, why, fix, cause, consequences } = finding;
  const consequenceLines = consequences.map(({ id, seen: what }) => `causes: ${id}: ${what}`);
  const lines = [`seen: ${seen}`, `wanted: ${wanted}`, `why: ${why}`, `fix: ${fix}`, ...consequenceLines];
  const outcome = finding.severity === 'advice' && !strict ? 'skipped' : 'failure';
  return { ...base, outcome, type: cause, message: seen, lines };
}

function passingCases({ judgement, failure }: Report): readonly Case[] {
  if (failure) return [];
  const found = new Set(
    [...judgement.findings, ...judgement.ignored.map(({ finding }) => finding)].map((f) => f.check),
  );
  // What follows from another finding is no pass; it is counted there.
  const follows = new Map(
    judgement.findings.flatMap((finding) =>
      finding.kind === 'wrong'
        ? finding.consequences.map(({ id }) => [id.split('@')[0] ?? '', finding.id] as const)
        : [],
    ),
  );
  const folded = CHECKS.filter(({ id }) => !found.has(id) && follows.has(id)).map(
    ({ id, severity }): Case => ({
      ...{ name: id, group: severity, outcome: 'skipped', type: '', lines: [] },
      message: `follows from ${follows.get(id)}`,
    }),
  );
  const passed = CHECKS.filter(({ id }) => !found.has(id) && !follows.has(id));
  return [
    ...folded,
    ...passed.map(
      ({ id, severity }): Case => ({
        name: id,
        group: severity,
        outcome: 'passed',
        type: '',
        message: '',
        lines: [],
      }),
    ),
  ];
}

function caseText({ name, group, outcome, type, message, lines }: Case): string {
  const open = `    <testcase${attributesText({ classname: `rsprep.${group}`, name, time: '0' })}`;
  if (outcome === 'passed') return `${open}/>`;
  const attributes = outcome === 'skipped' ? { message } : { type, message };
  const text = lines.map(escapeXml).join('\n');
  return `${open}>\n      <${outcome}${attributesText(attributes)}>${text}</${outcome}>\n    </testcase>`;
}

const attributesText = (attributes: Readonly<Record<string, string | number>>): string =>
  Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('');

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** One piece of text. What XML 1.0 cannot hold though it steers nothing (section 2.2) becomes a replacement character. */
const escapeXml = (text: string): string =>
  escapeText(text)
    .replace(/[\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
