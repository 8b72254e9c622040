import { BY_RUN, type ByRun } from '../core/checks/found-by-run.ts';
import { CHECKS } from '../core/checks/registry.ts';
import { ELSEWHERE, type Elsewhere } from '../core/checks/seen-elsewhere.ts';
import type { Check } from '../core/model/check.ts';
import { SEVERITIES } from '../core/model/finding.ts';
import { type SafeText, safe, safeJson, safeLines } from './safe-text.ts';
import type { Style } from './style.ts';
import { wrapText } from './wrap.ts';

export type Topic =
  | { readonly kind: 'check'; readonly check: Check }
  | { readonly kind: 'by-run'; readonly page: ByRun }
  | { readonly kind: 'elsewhere'; readonly page: Elsewhere };

const TOPICS: readonly Topic[] = [
  ...CHECKS.map((check) => ({ kind: 'check', check }) as const),
  ...BY_RUN.map((page) => ({ kind: 'by-run', page }) as const),
  ...ELSEWHERE.map((page) => ({ kind: 'elsewhere', page }) as const),
];

const headOf = (topic: Topic): { readonly id: string; readonly title: string } =>
  topic.kind === 'check' ? topic.check : topic.page;

export const topicIds = (): readonly string[] => TOPICS.map((topic) => headOf(topic).id);

/** @param name a check's id, or that of a finding: what follows @ is its subject. */
export function findTopic(name: string): Topic | null {
  const id = name.split('@')[0] ?? '';
  return TOPICS.find((topic) => headOf(topic).id === id) ?? null;
}

/** Every check with its severity and title, worst first, and what only others can see. */
export function explainList(style: Style): SafeText {
  const width = Math.max(...topicIds().map(({ length }) => length));
  const line = (id: string, title: string): SafeText => safe`  ${style.bold(id.padEnd(width))}  ${title}`;
  const groups = SEVERITIES.flatMap((severity) => [
    `${severity}:`,
    ...CHECKS.filter((check) => check.severity === severity).map(({ id, title }) => line(id, title)),
    '',
  ]);
  const byRun = ['found by a probe or a run:', ...BY_RUN.map(({ id, title }) => line(id, title)), ''];
  const others = ['visible only elsewhere:', ...ELSEWHERE.map(({ id, title }) => line(id, title))];
  return safeLines([...groups, ...byRun, ...others, '', 'rsprep explain CHECK has a page about each.']);
}

/** The page of one check. */
export function explainPage(topic: Topic, style: Style): SafeText {
  const [head, sections] = pageOf(topic);
  const body = sections.flatMap(([name, text]) => ['', style.bold(name), ...wrapText(text, 78, '  ')]);
  return safeLines([style.bold(head), ...body]);
}

function pageOf(topic: Topic): readonly [head: string, sections: readonly (readonly [name: string, text: string])[]] {
  if (topic.kind === 'elsewhere') {
    const { id, title, where, probe, why, fix, source } = topic.page;
    return [
      `${id}: ${title}`,
      [
        ['No check of rsprep', 'A real server cannot see this.'],
        ['Visible', where],
        ['Shown by', probe],
        ['Why it matters', why],
        ['How to fix it', fix],
        ['Source', source],
      ],
    ];
  }
  if (topic.kind === 'by-run') {
    const { id, severity, title, foundBy, why, fix, source } = topic.page;
    return [
      `${id} (at worst ${severity}): ${title}`,
      [
        ['Found by', foundBy],
        ['Why it matters', why],
        ['How to fix it', fix],
        ['Source', source],
      ],
    ];
  }
  const { id, title, severity, looksAt, why, fix, source, probe, early } = topic.check;
  return [
    `${id} (at worst ${severity}): ${title}`,
    [
      ['Looks at', looksAt],
      ['Why it matters', why],
      ['How to fix it', fix],
      ...(probe === undefined ? [] : [['Shown in behaviour by', probe] as const]),
      ...(early === false
        ? [['At boot', 'Skipped by `apply --boot`: there is no answer before the network is up.'] as const]
        : []),
      ['Source', source],
    ],
  ];
}

/** docs/checks.md. Generated; a test keeps it in step. */
export function checksMarkdown(): string {
  const table = CHECKS.map(({ id, title, severity }) => `| [${id}](#${id}) | ${severity} | ${title} |`);
  const others = ELSEWHERE.map(({ id, title, probe }) => `| [${id}](#${id}) | ${title} | ${probe} |`);
  const byRun = BY_RUN.map(({ id, title, severity }) => `| [${id}](#${id}) | ${severity} | ${title} |`);
  return [
    '# Checks',
    '',
    '<!-- Generated from src/core/checks by `npm run docs`: edit there. -->',
    '',
    'Everything that `rsprep verify` looks at. `rsprep explain CHECK` prints the same page in a terminal. The id of a finding is the',
    'id of its check, followed by `@` and its subject if there can be several: `arp-ignore@eth9`. This id is what',
    '`ignore:` in the configuration matches, with `*` and `?`.',
    '',
    'Severity is the worst a check can report: **critical** leaks the VIP, or could do so at any moment · **high** loses this host’s traffic ·',
    '**advice** is worth knowing and does not fail a run (without `--strict`).',
    '',
    '| check | at worst | what is right |',
    '|---|---|---|',
    ...table,
    '',
    'What a probe finds, or a run that failed; `ignore:` matches these too:',
    '',
    '| finding | at worst | what is right |',
    '|---|---|---|',
    ...byRun,
    '',
    'What a real server cannot see about itself, and what shows it:',
    '',
    '| page | what is right | shown by |',
    '|---|---|---|',
    ...others,
    ...TOPICS.flatMap(markdownPage),
    '',
  ].join('\n');
}

function markdownPage(topic: Topic): readonly string[] {
  const { id, title } = headOf(topic);
  const [, sections] = pageOf(topic);
  const worst = topic.kind === 'check' ? topic.check.severity : topic.kind === 'by-run' ? topic.page.severity : null;
  const severity = worst === null ? [] : ['', `At worst **${worst}**.`];
  return [
    '',
    `## ${id}`,
    '',
    `${title}.`,
    ...severity,
    ...sections.flatMap(([name, text]) => ['', `**${name}:** ${text}`]),
  ];
}

/** The same as data. */
export function explainJson(topics: readonly Topic[]): SafeText {
  const pages = topics.map((topic) => {
    if (topic.kind === 'by-run') {
      const { id, title, severity, foundBy, why, fix, source } = topic.page;
      return { id, title, severity, found_by: foundBy, why, fix, source };
    }
    if (topic.kind === 'elsewhere') {
      const { id, title, where, probe, why, fix, source } = topic.page;
      return { id, title, severity: null, where, probe, why, fix, source };
    }
    const { id, title, severity, looksAt, why, fix, source, probe } = topic.check;
    return { id, title, severity, looks_at: looksAt, why, fix, source, probe: probe ?? null };
  });
  return safeJson({ format_version: '1.0', exit_code: 0, checks: pages });
}

export const allTopics = (): readonly Topic[] => TOPICS;
