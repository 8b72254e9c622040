// A reading that could not be made never makes a check pass in silence.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../../../src/core/checks/registry.ts';
import { judge } from '../../../../src/core/judge.ts';
import { unreadable, value } from '../../../../src/core/model/reading.ts';
import { verdictCode } from '../../../../src/core/report/exit-code.ts';
import { address, contextOf, eth0, judged, link, onLo, TODAY } from './host.ts';

const BLIND = unreadable('io', 'input/output error (EIO)');
const unknowns = (judgement: ReturnType<typeof judged>): readonly string[] =>
  judgement.findings.flatMap((finding) => (finding.kind === 'unknown' ? [finding.id] : []));

describe('what could not be read', () => {
  it('routing: every check that goes by it says so', () => {
    const judgement = judged({ observed: { routing: BLIND } });
    const needing = CHECKS.flatMap(({ id, needs }) => (needs?.routing ? [id] : []));
    expect(needing).toContain('proxy-arp');
    expect(unknowns(judgement).toSorted()).toEqual(needing.toSorted());
    expect(verdictCode(judgement.findings, false)).toBe(1);
  });

  it('routing: a check that asks for it, itself or by a helper behind it, declares that', () => {
    const folder = new URL('../../../../src/core/checks/', import.meta.url);
    const checks = readdirSync(folder)
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .flatMap((text) => text.split(/^export const \w+: Check = \{$/m).slice(1));
    const silent = checks.filter((text) => text.includes('routingOf(') && !text.includes('routing: true'));
    expect(silent.map((text) => /id: '(.*)'/.exec(text)?.[1])).toEqual([]);
    expect(checks.length).toBeGreaterThan(30);
  });

  it.each([
    ['net/ipv4/conf/eth0/forwarding', ['proxy-arp']],
    ['net/ipv4/conf', ['proxy-arp']],
    ['net/ipv6/conf/eth0/proxy_ndp', ['proxy-ndp']],
    ['net/ipv4/conf/eth0/rp_filter', ['rp-filter']],
    ['net/netfilter/nf_conntrack_max', ['conntrack-full']],
  ])('%s', (path, ids) => {
    expect(unknowns(judged({ observed: { knobs: new Map([[path, BLIND]]) } }))).toEqual(ids);
  });

  it('for want of privilege: said, and excused', () => {
    const knobs = new Map([['net/ipv4/conf/eth0/rp_filter', unreadable('privilege', 'permission denied')]]);
    const judgement = judged({ observed: { knobs } });
    expect([unknowns(judgement), verdictCode(judgement.findings, false)]).toEqual([['rp-filter'], 0]);
  });
});

describe('a ledger that cannot be used', () => {
  const seen = (extra: readonly ReturnType<typeof address>[]) => {
    const links = value([link('lo', 1, [...onLo, ...extra]), eth0]);
    return judge({ ...contextOf({ observed: { links } }), ledger: BLIND }, TODAY);
  };

  it('may call an address ours that the configuration does not name: could not tell', () => {
    expect(unknowns(seen([address('fd00::99', 128, { preferredSeconds: 0 })]))).toEqual(['vip-stale']);
  });

  it('with nothing of that kind there, it decides nothing', () => {
    expect(unknowns(seen([]))).toEqual([]);
  });
});
