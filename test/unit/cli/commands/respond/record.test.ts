// What the responder writes for status and the textfile.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import type { Responder } from '../../../../../src/app/respond/respond.ts';
import { makeRecorder } from '../../../../../src/cli/commands/respond/record.ts';
import { Paths } from '../../../../../src/linux/files/paths.ts';
import { roots } from '../../../linux/files/support.ts';

it('says once that it cannot be written, and writes it again when it can', async () => {
  const { root } = roots().fresh();
  const file = join(root, 'run/rsprep-responder/state.json');
  mkdirSync(dirname(dirname(file)), { recursive: true });
  writeFileSync(dirname(file), 'a file in place of the folder');
  const said: string[] = [];
  const responder = { state: () => ({ looks: 1, lookMs: 1, notes: [] }) } as unknown as Responder;
  const log = { warn: (text: string) => said.push(text) } as unknown as Parameters<typeof makeRecorder>[4];
  const context = { paths: new Paths(root) } as Parameters<typeof makeRecorder>[0];
  const record = makeRecorder(context, responder, { stats: () => ({ received: 5 }) as never }, 5300, log);
  await record(true);
  await record(true);
  expect(said).toEqual([expect.stringMatching(/^the counters for status and the textfile cannot be written: /)]);
  rmSync(dirname(file));
  await record(true);
  expect(existsSync(file)).toBe(true);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ format: 1, port: 5300, stats: { received: 5 } });
  expect(said).toHaveLength(1);
});
