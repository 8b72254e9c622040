// Every format says the same, and none of them decides the exit code.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { exitCode, pluginCode } from '../../../src/core/report/exit-code.ts';
import type { Report } from '../../../src/core/report/report.ts';
import { renderJson as renderJsonSafe } from '../../../src/format/json.ts';
import { renderJunit as renderJunitSafe } from '../../../src/format/junit.ts';
import { renderPlugin as renderPluginSafe } from '../../../src/format/nagios.ts';
import { renderPrometheus } from '../../../src/format/prometheus.ts';
import { judged, reportOf, unknownOf, wrongOf } from '../core/report/support.ts';
import { needs } from '../units/tools.ts';

const failure = (kind: 'failed' | 'permission' | 'configuration') => ({
  ending: 'failed' as const,
  failure: { kind, message: 'it went wrong', next: 'fix it' },
});
const leak = wrongOf('arp-ignore', 'eth0');
const advice = wrongOf('vip-scope', '10.0.0.100', { severity: 'advice' });
const OUTCOMES: readonly (readonly [name: string, report: Report, exit: number, plugin: number])[] = [
  ['as wanted', reportOf(judged([])), 0, 0],
  ['advice', reportOf(judged([advice])), 0, 0],
  ['advice, strict', reportOf(judged([advice]), { strict: true }), 2, 2],
  ['drift', reportOf(judged([leak])), 2, 2],
  ['pending', reportOf(judged([wrongOf('vip-missing', 'x', { cause: 'pending' })])), 3, 1],
  ['persisted', reportOf(judged([wrongOf('persist-sysctl', null, { cause: 'persisted' })])), 2, 2],
  ['could not tell', reportOf(judged([unknownOf('arp-ignore', null)])), 1, 3],
  ['not allowed to look', reportOf(judged([unknownOf('arp-ignore', null, true)])), 0, 0],
  ['drift and unknown', reportOf(judged([leak, unknownOf('arp-announce', null)])), 2, 2],
  ['failed', reportOf(judged([]), failure('failed')), 1, 3],
  ['not permitted', reportOf(judged([]), failure('permission')), 77, 3],
  ['broken configuration', reportOf(judged([]), { ...failure('configuration'), desired: null }), 78, 3],
];
const renderJson = (...what: Parameters<typeof renderJsonSafe>): string => renderJsonSafe(...what).toString();
const renderJunit = (report: Report): string => renderJunitSafe(report).toString();
const renderPlugin = (...what: Parameters<typeof renderPluginSafe>): string => renderPluginSafe(...what).toString();
const metrics = (report: Report): string =>
  renderPrometheus({
    report,
    exitCode: exitCode(report),
    version: '0.1.0',
    successAt: null,
    responder: null,
  }).toString();

describe.each(OUTCOMES)('%s', (_name, report, exit, plugin) => {
  it('has one exit code', () => {
    expect(exitCode(report)).toBe(exit);
    expect(pluginCode(exitCode(report))).toBe(plugin);
  });
  it('is the same in JSON, metrics, JUnit and to a monitoring system', () => {
    expect(JSON.parse(renderJson(report, exit))).toMatchObject({ exit_code: exit });
    expect(metrics(report)).toContain(`\nrsprep_exit_code ${exit}\n`);
    expect(metrics(report)).toContain(`\nrsprep_in_sync ${exit === 0 ? 1 : 0}\n`);
    const words = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'];
    expect(renderPlugin(report, pluginCode(exit))).toMatch(new RegExp(`^RSPREP ${words[plugin]} - .+`));
    const junit = renderJunit(report);
    expect(wellFormed(junit)).toBe(true);
    expect(/ failures="0" errors="0"/.test(junit)).toBe(exit === 0);
  });
});

describe('a hostile text', () => {
  const evil = `<![CDATA[ "quote" 'and' & | \\ \u001b[31m \u0000 \ud800 ]]>\nsecond line`;
  const report = reportOf(judged([wrongOf('arp-ignore', evil, { seen: evil, fix: evil })]), { host: evil });
  it('leaves XML well formed', () => {
    expect(wellFormed(renderJunit(report))).toBe(true);
    expect(renderJunit(report)).not.toMatch(/[\u0000-\u0008\u001b]/);
  });
  it('does not begin performance data, and the first line stays one line', () => {
    const [first = '', ...rest] = renderPlugin(report, 2).split('\n');
    expect(first.split('|')).toHaveLength(2);
    expect(rest.join('')).not.toContain('|');
  });
});

it('performance data have the form of the guidelines', () => {
  const [, perfdata = ''] = (renderPlugin(reportOf(judged([leak])), 2).split('\n')[0] ?? '').split(' | ');
  for (const item of perfdata.split(' ')) expect(item).toMatch(/^\w+=[\d.]+s?(;[\d.]*){0,4}$/);
  expect(perfdata).toContain('critical=1;;0;0');
});

it('overrides that cannot be read are not called none', () => {
  const report = { ...reportOf(judged([])), overridesUnknown: true };
  expect(metrics(report)).not.toContain('rsprep_override{');
  expect(metrics(reportOf(judged([])))).toContain('rsprep_override{kind="hold"} 0');
  expect(renderPlugin(report, 0).split('\n')[0]).toContain('overrides cannot be read');
});

it('junit: what follows from another finding is no pass', () => {
  const finding = judged([leak]).findings[0];
  if (finding?.kind !== 'wrong') throw new Error('expected a finding');
  const consequences = [{ id: 'director-off-link@10.0.0.2', seen: 'it is local here' }];
  const xml = renderJunit(reportOf({ ...judged([leak]), findings: [{ ...finding, consequences }] }));
  expect(xml).toMatch(/name="director-off-link"[^>]*>\s*<skipped message="follows from arp-ignore@/);
});

it('a run that saw nothing shows no figures', () => {
  expect(renderPlugin(reportOf(judged([]), failure('failed')), 3)).not.toContain('|');
});

const promtool = needs('promtool', 'prometheus');
it.skipIf(promtool !== '')(`promtool accepts the metrics of every outcome${promtool}`, () => {
  for (const [, report] of OUTCOMES) {
    const view = {
      exitCode: exitCode(report),
      version: '0.1.0"\\\n',
      successAt: report.at,
      responder: { received: 3 },
    };
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: renderPrometheus({ report, ...view }).toString(),
      encoding: 'utf8',
    });
    expect({ status, text: stdout + stderr }).toEqual({ status: 0, text: '' });
  }
});

it('every check has its series, even where nothing was found', () => {
  expect(metrics(reportOf(judged([])))).toContain('rsprep_findings{severity="critical",check="arp-ignore"} 0\n');
  expect(metrics(reportOf(judged([leak])))).toContain('rsprep_findings{severity="critical",check="arp-ignore"} 1\n');
});

/** Tags nest, attributes are quoted, and no bare & or < is left: enough to find what this renderer could get wrong. */
function wellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml.replace(
    /<(\/?)([\w?]+)((?:\s+[\w-]+="[^"<]*")*)\s*([/?]?)>/g,
    (_, close, name, attributes, empty) => {
      if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(attributes)) open.push('bare &');
      else if (close) open.at(-1) === name ? open.pop() : open.push('unbalanced');
      else if (!empty) open.push(name);
      return '';
    },
  );
  return open.length === 0 && !/[<>]/.test(rest) && !/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(rest);
}
