import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ApplyOptions, apply } from '../../../src/app/apply/apply.ts';
import { plan } from '../../../src/app/plan.ts';
import { remove } from '../../../src/app/remove/remove.ts';
import { verify } from '../../../src/app/verify.ts';
import { exitCode } from '../../../src/core/report/exit-code.ts';
import type { Report } from '../../../src/core/report/report.ts';
import { toJson } from '../../../src/format/json.ts';
import { copy, desiredHost, hostState } from '../../support/arbitrary-host.ts';
import { FakeHost } from '../../support/fake-host.ts';

const schema = JSON.parse(readFileSync(new URL('../../../docs/schema/report.schema.json', import.meta.url), 'utf8'));
/** The schema allows fields that a later minor version adds; these tests do not. */
const strict = JSON.parse(JSON.stringify(schema), (_key, item) =>
  item?.type === 'object' && item.properties ? { ...item, additionalProperties: false } : item,
);
const matches = new Ajv({ allErrors: true, formats: { 'date-time': true }, strict: false }).compile({
  ...strict,
  additionalProperties: false,
});

const OPTIONS: ApplyOptions = {
  'take-from-nic': true,
  prune: false,
  boot: false,
  confirmMs: null,
  lockTimeoutMs: 0,
  timeoutMs: 1000,
  strict: false,
  progress: () => undefined,
};

function expectValid(report: Report): void {
  const valid = matches(JSON.parse(JSON.stringify(toJson(report, exitCode(report)))));
  expect(matches.errors ?? []).toEqual([]);
  expect(valid).toBe(true);
}

describe('--format json', () => {
  test('is what the schema says, for every command on any host, failures included', async () => {
    await fc.assert(
      fc.asyncProperty(hostState, desiredHost, fc.option(fc.nat(12)), async (state, desired, failAt) => {
        const host = new FakeHost(
          copy(state),
          desired.vips.map(({ address }) => address),
        );
        expectValid(verify(host, desired, { strict: true }));
        expectValid(plan(host, desired, { 'take-from-nic': true, prune: true }));
        if (failAt !== null) host.failAt = failAt;
        expectValid(await apply(host, desired, OPTIONS));
        expectValid(
          await remove(host, desired, {
            force: false,
            drainWaitMs: 0,
            lockTimeoutMs: 0,
            timeoutMs: 1000,
            reason: 'test',
          }),
        );
      }),
      { numRuns: 80 },
    );
  });

  test('the schema refuses what is not such a document', () => {
    expect(matches({})).toBe(false);
    expect(matches({ ...schema, format_version: '2.0' })).toBe(false);
  });
});
