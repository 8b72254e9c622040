// The README's two commands in fresh roots of both Debian releases: they set up what they need by themselves, and all passes.
import { afterAll, describe, expect, it } from 'vitest';
import { type FreshRoot, freshRoot } from './root.ts';

const MINUTES = 60_000;

describe.concurrent.each(['bookworm', 'trixie'])('a fresh Debian, %s', (suite) => {
  let root: Promise<FreshRoot> | undefined;
  const timed = async (command: string): Promise<readonly string[]> => {
    root ??= freshRoot(suite);
    const made = await root;
    const startedMs = performance.now();
    const { code, lines } = await made.run(command);
    const minutes = ((performance.now() - startedMs) / MINUTES).toFixed(1);
    console.log(`${suite}: ${command}: ${minutes} minutes: ${lines.at(-1)}`);
    if (code !== 0) throw new Error(`${suite}: ${command}: exit ${code}\n${lines.slice(-60).join('\n')}`);
    return lines;
  };
  // A hundred thousand small files: on a busy disk that takes longer than vitest gives a hook.
  afterAll(async () => (await root?.catch(() => undefined))?.remove(), 5 * MINUTES);

  it('npm run lab, npm test, and all that the other tiers would install', { timeout: 20 * MINUTES }, async () => {
    const lab = await timed('npm run lab');
    expect(lab.join('\n')).toMatch(/^setup: installing Debian packages \(.*\): .*nftables/m);
    expect(lab.at(-1)).toMatch(/^lab: everything as expected, \d+ steps/);

    const test = await timed('npm test -- --fast');
    expect(test.join('\n')).toMatch(/^set-up +\| installing Debian packages \(.*\): .*zsh/m);
    expect(test.join('\n')).not.toMatch(/not run/);
    expect(test.at(-1)).toMatch(/^\d{4,} passed, 0 failed$/);

    // The slow tiers are left out here; that this release has every package of theirs is known without them.
    const rest = await timed('apt-get install --simulate $(node scripts/test/packages.mjs)');
    for (const name of ['user-mode-linux', 'mmdebstrap', 'clang', 'lld'])
      expect(rest.join('\n')).toContain(`Inst ${name} `);
  });
});
