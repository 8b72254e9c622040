import { describe, expect, it } from 'vitest';
import { makeStyle } from '../../../src/format/style.ts';
import { renderProbeJson } from '../../../src/probe/json.ts';
import { questionFor } from '../../../src/probe/questions.ts';
import type { ProbeRun } from '../../../src/probe/result.ts';
import { renderProbe } from '../../../src/probe/text.ts';

const run: ProbeRun = {
  ...{
    command: 'probe self',
    host: 'rs1',
    at: '2026-01-01T00:00:00.000Z',
    notes: ['noted'],
    failure: null,
    durationMs: 12.4,
  },
  results: [
    { probe: 'probe-arp', subject: 'eth0', outcome: 'good', seen: 'silent', control: 'the RIP answered' },
    { probe: 'probe-arp', subject: 'eth1', outcome: 'skipped', reason: 'it is down' },
    {
      probe: 'probe-arp',
      subject: 'e\u001b[31mvil',
      outcome: 'void',
      reason: 'why',
      next: 'do',
      forLackOfPrivilege: false,
    },
    {
      ...{ probe: 'probe-arp', subject: 'eth2', outcome: 'wrong', severity: 'critical', vips: [] },
      ...{ wanted: 'silence', seen: 'it answers', why: 'it hurts', next: 'fix it' },
    },
  ],
};

describe('text', () => {
  const plain = { style: makeStyle(false), quiet: false };

  it('shows the worst first, and what proved the good', () => {
    expect(renderProbe(run, plain).toString()).toBe(
      [
        'WRONG   probe-arp@eth2: it answers',
        '        wanted: silence',
        '        why:    it hurts',
        '        next:   fix it',
        'UNKNOWN probe-arp@e\\x1b[31mvil: why',
        '        next:   do',
        'ok      probe-arp@eth0: silent (control: the RIP answered)',
        '-       probe-arp@eth1: not probed: it is down',
        'note: noted',
        '1 wrong, 1 could not tell, 1 as wanted',
        '',
      ].join('\n'),
    );
  });

  it('keeps to what went wrong when quiet, and lets no name steer a terminal that has colours', () => {
    expect(renderProbe(run, { ...plain, quiet: true }).toString()).not.toMatch(/ok |noted|not probed/);
    expect(renderProbe(run, { style: makeStyle(true), quiet: false }).toString()).toContain('e\\x1b[31mvil');
  });
});

describe('JSON', () => {
  it('has a format version, snake_case keys and an id for each result', () => {
    const document = JSON.parse(renderProbeJson(run, 2).toString());
    expect(document).toMatchObject({ format_version: '1.0', command: 'probe self', exit_code: 2, duration_ms: 12 });
    expect(document.results[2]).toEqual({
      ...{ id: 'probe-arp@e\u001b[31mvil', probe: 'probe-arp', subject: 'e\u001b[31mvil', outcome: 'void' },
      ...{ reason: 'why', next: 'do', for_lack_of_privilege: false },
    });
  });
});

describe('what is asked', () => {
  it('is the configured probe, else DNS on 53 and NTP on 123, else nothing', () => {
    const probe = { send: '01', expect: '02' };
    expect(questionFor({ protocol: 'udp', port: 53, probe })).toBe(probe);
    expect(questionFor({ protocol: 'udp', port: 5353 })).toBeNull();
    expect(questionFor({ protocol: 'tcp', port: 53 })).toBeNull();
    // Number, flags (recursion wanted), one question; the root, NS, IN.
    const dns = ['7270', '0100', '0001', '0000', '0000', '0000', '00', '0002', '0001'].join('');
    expect(questionFor({ protocol: 'udp', port: 53 })).toEqual({ send: dns, expect: '7270' });
    expect(questionFor({ protocol: 'udp', port: 123 })?.send).toMatch(/^23(00){47}$/);
  });
});
