import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import type { Cause, Finding, Severity } from '../../../../src/core/model/finding.ts';
import { EXIT, exitCode, verdictCode } from '../../../../src/core/report/exit-code.ts';
import type { Ending, FailureKind, Report } from '../../../../src/core/report/report.ts';

const wrong = (severity: Severity, cause: Cause, check = 'arp-ignore'): Finding => ({
  kind: 'wrong',
  id: `${check}@eth0`,
  check,
  subject: 'eth0',
  severity,
  cause,
  wanted: '',
  seen: '',
  why: '',
  fix: '',
  actions: [],
  needs: null,
  demand: { kind: 'host' },
  vouch: 'alarm',
  vips: [],
  service: null,
  rootedIn: null,
  consequences: [],
});

const unknown = (severity: Severity, forLackOfPrivilege: boolean): Finding => ({
  kind: 'unknown',
  id: 'arp-ignore@eth0',
  check: 'arp-ignore',
  subject: 'eth0',
  severity,
  reason: '',
  wouldHelp: '',
  forLackOfPrivilege,
});

const report = (ending: Ending, findings: readonly Finding[], more: Partial<Report> = {}): Report => ({
  command: 'verify',
  host: 'h',
  at: '',
  ending,
  desired: emptyDesired,
  judgement: { findings, unfolded: findings, ignored: [] },
  steps: [],
  refusals: [],
  overrides: [],
  notes: [],
  failure: null,
  strict: false,
  durationMs: 0,
  ...more,
});

describe('verdictCode', () => {
  const TABLE: readonly (readonly [string, readonly Finding[], number, number])[] = [
    ['nothing', [], 0, 0],
    ['advice only', [wrong('advice', 'drift')], 0, 2],
    ['pending advice', [wrong('advice', 'pending')], 0, 3],
    ['drift', [wrong('high', 'drift')], 2, 2],
    ['persisted', [wrong('high', 'persisted')], 2, 2],
    ['pending', [wrong('critical', 'pending')], 3, 3],
    ['drift beats pending', [wrong('high', 'pending'), wrong('high', 'drift')], 2, 2],
    ['unknown beats pending', [wrong('high', 'pending'), unknown('high', false)], 1, 1],
    ['drift beats unknown', [unknown('critical', false), wrong('high', 'drift')], 2, 2],
    ['unknown for lack of privilege', [unknown('critical', true)], 0, 0],
    ['unknown advice', [unknown('advice', false)], 0, 1],
  ];
  test.each(TABLE)('%s', (_name, findings, code, strict) => {
    expect(verdictCode(findings, false)).toBe(code);
    expect(verdictCode(findings, true)).toBe(strict);
  });
});

describe('exitCode', () => {
  test('a rollback that failed is the worst, then one that went through, whatever was found', () => {
    const finding = fc.constantFrom(wrong('critical', 'drift'), wrong('high', 'pending'), unknown('high', false));
    fc.assert(
      fc.property(fc.array(finding), (findings) => {
        const failure = { kind: 'failed', message: '', next: '' } as const;
        expect(exitCode(report('rollback-failed', findings, { failure }))).toBe(EXIT.rollbackFailed);
        expect(exitCode(report('rolled-back', findings, { failure }))).toBe(EXIT.rolledBack);
        expect(exitCode(report('interrupted', findings, { failure }))).toBe(EXIT.rolledBack);
      }),
    );
  });

  test('a call that failed says why by its code', () => {
    const codes: Record<FailureKind, number> = { failed: 1, permission: 77, locked: 75, configuration: 78, usage: 64 };
    for (const [kind, code] of Object.entries(codes)) {
      const failure = { kind: kind as FailureKind, message: '', next: '' };
      expect(exitCode(report('failed', [wrong('critical', 'drift')], { failure }))).toBe(code);
    }
    expect(exitCode(report('refused', [], { refusals: [{ code: 'next-hop', message: '', next: '' }] }))).toBe(78);
  });

  test('a missing service fails verify, and not the apply that it has to wait for', () => {
    const findings = [wrong('high', 'drift', 'service-missing')];
    expect(exitCode(report('observed', findings))).toBe(2);
    expect(exitCode(report('applied', findings, { command: 'apply' }))).toBe(0);
    expect(exitCode(report('applied', findings, { command: 'apply', strict: true }))).toBe(2);
    expect(exitCode(report('applied', [...findings, wrong('high', 'drift')], { command: 'apply' }))).toBe(2);
  });
});
