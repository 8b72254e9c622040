// `rsprep explain` as it is called: the list, a page, data, and a name that is not quite right.
import { describe, expect, it } from 'vitest';
import { CHECKS } from '../../../../src/core/checks/registry.ts';
import { type Called, call } from '../call.ts';

const explain = (...words: readonly string[]): Promise<Called> => call('explain', ...words);

describe('rsprep explain', () => {
  it('lists every check', async () => {
    const { code, out } = await explain();
    expect(code).toBe(0);
    for (const { id } of CHECKS) expect(out).toContain(`  ${id} `);
    expect(out).toContain('visible only elsewhere:');
  });

  it('prints the page of a check, also for the id of a finding', async () => {
    const page = await explain('rp-filter');
    expect(page).toMatchObject({ code: 0, out: expect.stringContaining('How to fix it') });
    expect(await explain('rp-filter@eth0')).toEqual(page);
  });

  it('says where what no check can see is shown', async () => {
    expect((await explain('upstream-filter')).out).toContain('rsprep probe service');
  });

  it('suggests what was meant, and exits 64', async () => {
    const { code, out, err } = await explain('arp-ingore');
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toContain('did you mean arp-ignore?');
    expect((await explain('xyzzy')).err).not.toContain('did you mean');
  });

  it('prints data', async () => {
    const { checks } = JSON.parse((await explain('--format', 'json')).out) as {
      checks: { id: string; looks_at?: string }[];
    };
    expect(checks.length).toBeGreaterThan(CHECKS.length);
    expect((await explain('--format', 'xml')).code).toBe(64);
  });
});
