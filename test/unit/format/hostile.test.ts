// Text of others in every place of every format: it styles nothing, reorders nothing, and begins no line.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Desired } from '../../../src/core/model/desired.ts';
import type { InterfaceName, Ip } from '../../../src/core/model/names.ts';
import type { Override } from '../../../src/core/model/override.ts';
import type { GoneFinding } from '../../../src/core/report/compare.ts';
import { type History, historyOf } from '../../../src/core/report/history.ts';
import type { RunRecord } from '../../../src/core/report/journal.ts';
import type { News } from '../../../src/core/report/news.ts';
import type { Report } from '../../../src/core/report/report.ts';
import { renderChanges } from '../../../src/format/changes.ts';
import { historyJson, renderHistory } from '../../../src/format/history.ts';
import { renderJson } from '../../../src/format/json.ts';
import { renderJunit } from '../../../src/format/junit.ts';
import { renderPlugin } from '../../../src/format/nagios.ts';
import { renderPrometheus } from '../../../src/format/prometheus.ts';
import { renderRunJson } from '../../../src/format/report-json.ts';
import type { SafeText } from '../../../src/format/safe-text.ts';
import { makeStyle } from '../../../src/format/style.ts';
import { renderText } from '../../../src/format/text.ts';
import type { LabEnd } from '../../../src/lab/outside.ts';
import type { LabEvent, StepResult } from '../../../src/lab/protocol.ts';
import { drawing, labJson, renderStanding, renderStep } from '../../../src/lab/render.ts';
import { renderProbeJson } from '../../../src/probe/json.ts';
import type { ProbeRun } from '../../../src/probe/result.ts';
import { renderProbe } from '../../../src/probe/text.ts';
import { hostile, STEERING } from '../../support/hostile.ts';
import { judged, open, reportOf, unknownOf, wrongOf } from '../core/report/support.ts';

/** Says what others would say in the next place. */
type Say = () => string;

/** Each place has a text of its own: what is the same is said once. */
function counting(texts: readonly string[]): Say {
  let next = 0;
  return () => {
    next += 1;
    return `${texts[next % texts.length]}${next}`;
  };
}

const AT = '2026-01-01T00:00:00.000Z';

const overrideOf = (say: Say): Override => ({ kind: 'hold', reason: say(), who: say(), since: say(), until: say() });

function judgementOf(say: Say): Report['judgement'] {
  const texts = { wanted: say(), seen: say(), why: say(), fix: say(), consequences: [{ id: say(), seen: say() }] };
  return judged(
    [
      wrongOf('arp-ignore', say(), texts),
      wrongOf('vip-scope', say(), { ...texts, severity: 'advice' }),
      wrongOf('vip-on-nic', say(), { ...texts, needs: 'take-from-nic', cause: 'pending' }),
      { ...unknownOf('ledger', say()), reason: say(), wouldHelp: say() },
      { ...unknownOf('boot-sysctl', say()), reason: say(), wouldHelp: say() },
    ],
    {
      ignored: [
        { finding: wrongOf('x', say(), texts), rule: { id: say(), reason: say(), until: say(), matches: () => true } },
      ],
    } as unknown as Partial<Report['judgement']>,
  );
}

function reportsOf(say: Say): readonly Report[] {
  const vip = { address: say() as Ip, device: say() as InterfaceName, services: [] };
  const more = {
    host: say(),
    desired: { vips: [vip] } as unknown as Desired,
    overrides: [overrideOf(say)],
    notes: [say(), say()],
  };
  const action = { kind: 'add-address', ip: say() as Ip, prefixLength: 32, device: say() as InterfaceName } as const;
  const file = { kind: 'write-file', path: say(), content: say() } as const;
  const steps = (['planned', 'done', 'failed', 'not-run', 'undone', 'kept'] as const).flatMap((status) => [
    { action, status, cause: say(), detail: say() },
    { action: file, status, cause: say(), detail: null },
  ]);
  const failure = { kind: 'failed' as const, message: say(), next: say() };
  return [
    reportOf(judgementOf(say), more),
    reportOf(judgementOf(say), { ...more, command: 'plan', ending: 'planned', steps } as Partial<Report>),
    reportOf(judgementOf(say), { ...more, command: 'apply', ending: 'failed', steps, failure } as Partial<Report>),
    reportOf(judged([]), {
      ...more,
      failure,
      ending: 'refused',
      refusals: [{ code: 'ledger-unreadable', message: say(), next: say() }],
    } as Partial<Report>),
    reportOf(judged([]), { ...more, ending: 'removed' }),
  ];
}

function newsOf(say: Say, { judgement }: Report): News {
  const fresh = judgement.findings.map((finding) => ({ ...open(finding.check, finding.subject), seen: say() }));
  const gone: GoneFinding = { ...open('x', say()), because: 'fixed', seen: say() };
  return {
    fresh,
    gone: [gone],
    still: [open('y', say(), { seen: say(), since: AT })],
    reminder: false,
    worthTelling: true,
  };
}

function historyBy(say: Say): History {
  const run = (seq: number, more: Partial<RunRecord>): RunRecord => ({
    ...{
      v: 1,
      seq,
      changedSeq: seq,
      told: 0,
      at: new Date(Date.UTC(2026, 0, 1, 0, seq)).toISOString(),
      exit: 2,
      ms: 1,
    },
    ...{ open: 1, ...more },
  });
  const leak = open('arp-ignore', say(), { seen: say() });
  return historyOf(
    [
      run(1, { new: [leak], who: { [leak.id]: [say(), say()] }, overrides: [say()] }),
      run(2, { changed: [{ ...leak, seen: say() }], failure: say() }),
      run(3, { gone: [{ ...leak, because: 'fixed' }] }),
    ],
    null,
    AT,
  );
}

const probeRunOf = (say: Say): ProbeRun => ({
  ...{ command: 'probe self', host: say(), at: AT, notes: [say()], durationMs: 1 },
  failure: { kind: 'failed', message: say(), next: say() },
  results: [
    { probe: 'probe-arp', subject: say(), outcome: 'good', seen: say(), control: say() },
    { probe: 'probe-arp', subject: say(), outcome: 'skipped', reason: say() },
    { probe: 'probe-arp', subject: say(), outcome: 'void', reason: say(), next: say(), forLackOfPrivilege: false },
    {
      ...{ probe: 'probe-arp', subject: say(), outcome: 'wrong', severity: 'critical', vips: [say() as Ip] },
      ...{ wanted: say(), seen: say(), why: say(), next: say() },
    },
  ],
});

function labOf(say: Say): { readonly events: readonly LabEvent[]; readonly step: StepResult; readonly end: LabEnd } {
  const failure = { expected: say(), received: say(), output: [say(), say()] };
  const step: StepResult = {
    id: 'x',
    title: say(),
    ok: false,
    lines: [`asked ${say()}`, `| ${say()}`],
    data: [say()],
    failure,
    durationMs: 1,
  };
  const director = { mode: 'nft' as const, what: say(), why: say() };
  return {
    events: [
      { kind: 'stands', families: [4, 6], director },
      { kind: 'step', step },
    ],
    ...{ step, end: { kind: 'broken', message: say(), next: say() } as LabEnd },
  };
}

/** Every format of everything, by name. */
function everything(say: Say, coloured: boolean): readonly (readonly [name: string, text: SafeText])[] {
  const style = makeStyle(coloured);
  const all: [string, SafeText][] = [];
  reportsOf(say).forEach((report, at) => {
    for (const [verbose, quiet] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const)
      all.push([`text ${at} ${verbose} ${quiet}`, renderText(report, { style, verbose, quiet })]);
    const news = newsOf(say, report);
    const who = new Map(news.fresh.map(({ id }) => [id, [say()]]));
    all.push([`changes ${at}`, renderChanges({ report, news, who }, style)]);
    all.push(
      [`plugin ${at}`, renderPlugin(report, 2)],
      [`json ${at}`, renderJson(report, 2)],
      [`junit ${at}`, renderJunit(report)],
    );
    const metrics = { report, exitCode: 2, version: say(), successAt: AT, responder: { [`event ${say()}`]: 1 } };
    all.push([`prometheus ${at}`, renderPrometheus(metrics)]);
    const changes = { new: news.fresh, changed: news.fresh, gone: news.gone, open: news.still, unseen: news.still };
    all.push([`run json ${at}`, renderRunJson({ report, changes, who, successAt: AT } as never, 2, null)]);
  });
  all.push(
    ['history', renderHistory(say(), historyBy(say), 1, style)],
    ['history json', historyJson(say(), historyBy(say), 1)],
  );
  all.push(
    ['probe', renderProbe(probeRunOf(say), { style, quiet: false })],
    ['probe json', renderProbeJson(probeRunOf(say), 2)],
  );
  const { events, step, end } = labOf(say);
  const standing = { pid: 1, userNamespace: true, hosts: { rs1: 1, client: 2 }, folder: say() } as never;
  all.push(
    ['lab step', renderStep(step, style)],
    ['lab', drawing(events[0] as never, style)],
    ['kept', renderStanding(standing)],
  );
  all.push(['lab json', labJson(events, { end, exitCode: 1, durationMs: 1, kept: standing })]);
  return all;
}

const OURS = /\u001b\[(?:1|2|22|3[1-6]|39)m/g;
const stylesIn = (text: string): readonly string[] => text.match(OURS) ?? [];
const linesOf = (text: string): readonly string[] => text.split('\n');

describe.each([false, true])('with colours %s', (coloured) => {
  const said = everything(counting(['x']), coloured).map(([name, text]) => [name, text.toString()] as const);

  it('has something to say in every format', () => {
    for (const [name, text] of said) expect(`${name} ${text.length > 0}`).toBe(`${name} true`);
    expect(said.some(([, text]) => text.includes('\u001b[31m'))).toBe(coloured);
  });

  it('only our styles are in it, in their places, and each line is one of ours', () => {
    fc.assert(
      fc.property(fc.array(hostile, { minLength: 1, maxLength: 8 }), (texts) => {
        const evil = everything(counting(texts), coloured);
        for (const [at, [name, safe]] of evil.entries()) {
          const [text, plain] = [safe.toString(), said[at]?.[1] ?? ''];
          const rest = text.replace(OURS, '').replaceAll('\n', '');
          expect({ name, steers: STEERING.exec(rest)?.[0] }).toEqual({ name, steers: undefined });
          expect({ name, styles: stylesIn(text) }).toEqual({ name, styles: stylesIn(plain) });
          expect({ name, lines: linesOf(text).length }).toEqual({ name, lines: linesOf(plain).length });
          expect({ name, forged: linesOf(text).filter((line) => line.startsWith('FORGED')) }).toEqual({
            name,
            forged: [],
          });
          if (name.includes('json')) expect(() => JSON.parse(text)).not.toThrow();
          if (name.startsWith('plugin')) expect(linesOf(text).join('').split('|').length).toBeLessThanOrEqual(2);
        }
      }),
      { numRuns: 150 },
    );
  });
});
