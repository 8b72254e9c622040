import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare, nothingChanged, openAfter, RUN_FAILED } from '../../../../src/core/report/compare.ts';
import { judged, open, unknownOf, wrongOf } from './support.ts';

const at = '2026-01-02T00:00:00.000Z';
const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id);

describe('two runs', () => {
  it('say what is new, gone and still open, and since when', () => {
    const before = [open('arp-ignore', 'eth0'), open('vip-missing', '10.0.0.100')];
    const found = judged([wrongOf('vip-missing', '10.0.0.100'), wrongOf('device-down', 'lo')]);
    const changes = compare(before, { judgement: found, failure: null, at });
    expect(ids(changes.new)).toEqual(['device-down@lo']);
    expect(changes.gone).toMatchObject([{ id: 'arp-ignore@eth0', because: 'fixed' }]);
    expect(changes.open).toMatchObject([{ id: 'vip-missing@10.0.0.100', since: before[1]?.since, told: true }]);
    expect(changes.new).toMatchObject([{ since: at, told: false }]);
  });

  it('call another severity or cause a change, another text none', () => {
    const before = [open('arp-ignore', 'eth0'), open('vip-expires', 'x'), open('vip-missing', 'y')];
    const judgement = judged([
      wrongOf('arp-ignore', 'eth0', { cause: 'pending' }),
      wrongOf('vip-expires', 'x', { seen: 'in 299 s' }),
      wrongOf('vip-missing', 'y', { severity: 'high' }),
    ]);
    const changes = compare(before, { judgement, failure: null, at });
    expect(ids(changes.changed)).toEqual(['arp-ignore@eth0', 'vip-missing@y']);
    expect(changes.open).toMatchObject([{ id: 'vip-expires@x', seen: 'in 299 s' }]);
    expect(changes.changed[0]).toMatchObject({ since: before[0]?.since, told: false });
  });

  it('keep a finding that is now the consequence of another', () => {
    const root = wrongOf('device-down', 'lo');
    const folded = wrongOf('vip-missing', 'x', { rootedIn: root.id });
    const judgement = judged([root], { unfolded: [root, folded] });
    const changes = compare([open('vip-missing', 'x')], { judgement, failure: null, at });
    expect(ids(changes.gone)).toEqual([]);
    expect(ids(changes.open)).toEqual(['vip-missing@x']);
  });

  it('say that an ignored finding is ignored, not fixed', () => {
    const judgement = judged([], {
      ignored: [{ finding: wrongOf('arp-ignore', 'eth9'), rule: { id: 'arp-*', reason: 'lab', until: null } }],
    });
    const changes = compare([open('arp-ignore', 'eth9')], { judgement, failure: null, at });
    expect(changes.gone).toMatchObject([{ because: 'ignored' }]);
  });
});

describe('unknown is never gone', () => {
  it.each([
    ['the check could not look at all', unknownOf('arp-ignore', null)],
    ['the check could not look at any interface', unknownOf('arp-ignore', 'all')],
    ['the same subject could not be looked at', unknownOf('arp-ignore', 'eth0')],
    ['it is only this user who may not look', unknownOf('arp-ignore', null, true)],
  ])('%s', (_, unknown) => {
    const changes = compare([open('arp-ignore', 'eth0')], { judgement: judged([unknown]), failure: null, at });
    expect(ids(changes.gone)).toEqual([]);
    expect(openAfter(changes)).toContainEqual(open('arp-ignore', 'eth0'));
  });

  it('another subject that could not be looked at keeps nobody', () => {
    const judgement = judged([unknownOf('arp-ignore', 'eth1')]);
    const changes = compare([open('arp-ignore', 'eth0')], { judgement, failure: null, at });
    expect(ids(changes.gone)).toEqual(['arp-ignore@eth0']);
  });

  it('a run that failed keeps everything, and is a finding itself until one succeeds', () => {
    const failure = { kind: 'configuration', message: 'rsprep.yaml:3:1: unknown key' };
    const broken = compare([open('arp-ignore', 'eth0')], { judgement: judged([]), failure, at });
    expect(ids(broken.gone)).toEqual([]);
    expect(ids(broken.new)).toEqual([RUN_FAILED]);
    const still = compare(openAfter(broken), { judgement: judged([]), failure, at });
    expect(nothingChanged(still)).toBe(true);
    const well = compare(openAfter(still), { judgement: judged([]), failure: null, at });
    expect(ids(well.gone).sort()).toEqual(['arp-ignore@eth0', RUN_FAILED]);
  });

  it('what this user may not see is no news', () => {
    expect(nothingChanged(compare([], { judgement: judged([unknownOf('x', null, true)]), failure: null, at }))).toBe(
      true,
    );
  });
});

describe('for any two runs', () => {
  const finding = fc.record({
    check: fc.constantFrom('a', 'b', 'c'),
    subject: fc.constantFrom(null, 'all', 'eth0', 'eth1'),
    unknown: fc.boolean(),
    cause: fc.constantFrom('drift' as const, 'pending' as const),
  });
  const run = fc
    .uniqueArray(finding, { selector: ({ check, subject }) => `${check}@${subject}`, maxLength: 8 })
    .map((list) =>
      list.map((item) =>
        item.unknown ? unknownOf(item.check, item.subject) : wrongOf(item.check, item.subject, { cause: item.cause }),
      ),
    );

  it('everything is in exactly one list, nothing is lost, and the same run again changes nothing', () => {
    fc.assert(
      fc.property(run, run, (first, second) => {
        const one = openAfter(compare([], { judgement: judged(first), failure: null, at }));
        const changes = compare(one, { judgement: judged(second), failure: null, at });
        const all = [...openAfter(changes), ...changes.gone].map(({ id }) => id);
        expect(new Set(all).size).toBe(all.length);
        expect(new Set(all)).toEqual(new Set([...first, ...second].map(({ id }) => id)));
        const unknownChecks = new Set(
          second.filter((f) => f.kind === 'unknown' && (f.subject === null || f.subject === 'all')).map((f) => f.check),
        );
        for (const gone of changes.gone) expect(unknownChecks).not.toContain(gone.check);
        const again = compare(openAfter(changes), { judgement: judged(second), failure: null, at });
        expect(nothingChanged(again)).toBe(true);
      }),
    );
  });
});
