// The registry is what verify, explain and the documentation are made from: it has to be whole, and docs/checks.md in step.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKS, EARLY_CHECKS } from '../../../../src/core/checks/registry.ts';
import { ELSEWHERE } from '../../../../src/core/checks/seen-elsewhere.ts';
import { checksMarkdown, explainList, explainPage, findTopic, topicIds } from '../../../../src/format/explain.ts';
import { makeStyle } from '../../../../src/format/style.ts';
import { found, judged } from './host.ts';

const plain = makeStyle(false);

describe('the registry', () => {
  it('has kebab-case ids, each once', () => {
    expect(topicIds().filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
    expect(topicIds().filter((id, index, all) => all.indexOf(id) !== index)).toEqual([]);
  });

  it.each(CHECKS.map((check) => [check.id, check] as const))('%s has a page worth reading', (_id, check) => {
    for (const text of [check.title, check.looksAt, check.why, check.fix, check.source])
      expect(text.trim().length).toBeGreaterThan(8);
    expect(check.looksAt.length).toBeGreaterThan(50);
    expect(check.why.length).toBeGreaterThan(50);
    expect(check.title).not.toMatch(/[.!?]$/);
  });

  it('leaves out of the boot what only a running network can answer, and nothing that decides about a leak by ARP', () => {
    const late = CHECKS.filter((check) => !EARLY_CHECKS.includes(check)).map(({ id }) => id);
    expect(late).toContain('director-off-link');
    expect(late).toContain('service-missing');
    for (const id of ['arp-ignore', 'arp-announce', 'vip-on-nic', 'vip-missing', 'local-route'])
      expect(late).not.toContain(id);
  });

  it('finds nothing on a prepared host', () => expect(found()).toEqual([]));
});

describe('explain', () => {
  it('lists every check and every page about what only others see', () => {
    const list = explainList(plain).toString();
    for (const { id, title } of [...CHECKS, ...ELSEWHERE]) expect(list).toMatch(new RegExp(`^  ${id} +${title}$`, 'm'));
  });

  it('takes the id of a finding for that of its check', () => {
    expect(findTopic('arp-ignore@eth0.100')).toMatchObject({ kind: 'check', check: { id: 'arp-ignore' } });
    expect(findTopic('director-source')).toMatchObject({ kind: 'elsewhere' });
    expect(findTopic('probe-arp@eth0')).toMatchObject({ kind: 'by-run' });
    expect(findTopic('arp-ignor')).toBeNull();
  });

  it('keeps its pages within 78 columns', () => {
    for (const id of topicIds()) {
      const topic = findTopic(id);
      if (!topic) throw new Error(id);
      const page = explainPage(topic, plain).toString();
      expect(page).toContain('Why it matters');
      // A word that is longer than a line (a path, a URL) may stick out; the heading is not broken.
      const wide = page
        .split('\n')
        .slice(1)
        .filter((line) => line.length > 78 && line.trim().includes(' '));
      expect(wide).toEqual([]);
    }
  });

  it('is what docs/checks.md says (npm run docs)', () => {
    expect(readFileSync(join(import.meta.dirname, '../../../../docs/checks.md'), 'utf8')).toBe(checksMarkdown());
  });
});

describe('ignore', () => {
  const wrong = { observed: { resolvers: ['10.0.0.100' as never] } };
  const rule = (id: string, until: string | null) => ({
    desired: { ignore: [{ id, reason: 'known', until }] },
    ...wrong,
  });

  it('sets a finding aside by its id or a glob, to the end of its last day', () => {
    expect(found(wrong)).toEqual(['advice vip-clash@10.0.0.100']);
    for (const id of ['vip-clash@10.0.0.100', 'vip-*', 'vip-clash@10.0.0.10?']) {
      expect(found(rule(id, null))).toEqual([]);
      expect(found(rule(id, '2027-01-15'))).toEqual([]);
    }
    expect(judged(rule('vip-*', null)).ignored.map(({ finding }) => finding.id)).toEqual(['vip-clash@10.0.0.100']);
    expect(found(rule('vip-clas', null))).toEqual(['advice vip-clash@10.0.0.100', 'advice ignore-unknown@vip-clas']);
  });

  it('reports an expired entry beside what it no longer sets aside', () => {
    expect(found(rule('vip-*', '2027-01-14'))).toEqual(['advice vip-clash@10.0.0.100', 'advice ignore-expired@vip-*']);
  });

  it('reports an entry that can match nothing, and no other', () => {
    const unmatched = (id: string): readonly string[] =>
      found({ desired: { ignore: [{ id, reason: 'x', until: null }] } });
    for (const id of ['arp-ignor@eth9', 'xyz*', 'vip']) expect(unmatched(id)).toEqual([`advice ignore-unknown@${id}`]);
    for (const id of ['arp-ignore@eth9', 'arp-*', 'arp-ignor?@eth9', '*@eth9', 'probe-*', 'run-failed'])
      expect(unmatched(id)).toEqual([]);
  });

  it('does not let an expired entry hide that it has expired', () => {
    expect(found(rule('*', '2027-01-14'))).toEqual(['advice vip-clash@10.0.0.100', 'advice ignore-expired@*']);
  });
});
