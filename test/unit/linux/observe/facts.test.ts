// The facts for an inventory come from many commands that a package starts through sh(1): none of them is the caller's.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { hostFacts } from '../../../../src/linux/observe/facts.ts';

const NAMES = 'sh cat grep hostname ip lscpu dmidecode which ls iw nmcli uname getconf env'.split(' ');

it('asks no program of the PATH of its caller, and gives the environment back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-facts-'));
  const callers = process.env;
  try {
    const mark = join(folder, 'was-run');
    for (const name of NAMES) writeFileSync(join(folder, name), `#!/bin/sh\n: > ${mark}\n`, { mode: 0o755 });
    process.env = { ...callers, PATH: `${folder}${delimiter}${callers.PATH}`, ENV: join(folder, 'sh') };
    const mine = process.env;
    const facts = await hostFacts();
    expect(existsSync(mark)).toBe(false);
    expect(facts.nics.map(({ name }) => name)).toContain('lo');
    expect(process.env).toBe(mine);
  } finally {
    process.env = callers;
    rmSync(folder, { recursive: true });
  }
}, 60_000);
