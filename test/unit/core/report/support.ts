import type { Judgement } from '../../../../src/core/judge.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import type { Finding, Unknown, Wrong } from '../../../../src/core/model/finding.ts';
import type { OpenFinding } from '../../../../src/core/report/compare.ts';
import type { Report } from '../../../../src/core/report/report.ts';

export const wrongOf = (check: string, subject: string | null, more: Partial<Wrong> = {}): Wrong => ({
  kind: 'wrong',
  id: subject === null ? check : `${check}@${subject}`,
  check,
  subject,
  severity: 'critical',
  wanted: '1 or 2',
  seen: '0',
  why: 'it leaks',
  fix: 'rsprep apply',
  actions: [],
  needs: null,
  demand: { kind: 'host' },
  cause: 'drift',
  vouch: 'alarm',
  vips: [],
  service: null,
  rootedIn: null,
  consequences: [],
  ...more,
});

export const unknownOf = (check: string, subject: string | null, forLackOfPrivilege = false): Unknown => ({
  kind: 'unknown',
  id: subject === null ? check : `${check}@${subject}`,
  check,
  subject,
  severity: 'critical',
  reason: 'ip(8) did not answer',
  wouldHelp: 'an ip(8) that answers',
  forLackOfPrivilege,
});

export const judged = (findings: readonly Finding[], more: Partial<Judgement> = {}): Judgement => ({
  findings,
  unfolded: findings,
  ignored: [],
  ...more,
});

export const open = (check: string, subject: string | null, more: Partial<OpenFinding> = {}): OpenFinding => ({
  id: subject === null ? check : `${check}@${subject}`,
  check,
  severity: 'critical',
  kind: 'wrong',
  cause: 'drift',
  seen: '0',
  since: '2026-01-01T00:00:00.000Z',
  told: true,
  ...more,
});

export const reportOf = (judgement: Judgement, more: Partial<Report> = {}): Report => ({
  command: 'verify',
  host: 'rs1',
  at: '2026-01-02T03:04:05.678Z',
  ending: 'observed',
  desired: emptyDesired,
  judgement,
  steps: [],
  refusals: [],
  overrides: [],
  notes: [],
  failure: null,
  strict: false,
  durationMs: 41.5,
  ...more,
});
