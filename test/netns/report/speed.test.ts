// A report on a host where nothing changed costs hardly more than a verify, whose work it does.
import { expect, it } from 'vitest';
import { VIP, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode } from '../../support/rsprep.ts';

const PAIRS = 25;
const MOST = 1.2;

/** The lower quartile: what a run takes while nothing else wants the processor. */
const undisturbed = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 2] ?? Number.NaN;

it(`report takes at most ${MOST} times as long as verify, and says nothing`, async () => {
  await withNetwork((net) => {
    const textfile = '/var/lib/prometheus/node-exporter/rsprep.prom';
    const agent = agentOn(net, net.rs, { version: 1, vips: [VIP], report: { textfile } });
    expectCode(agent.run('apply'), 0);
    expectCode(agent.run('report'), 0);
    const timed = (command: string): number => {
      const startedMs = performance.now();
      const outcome = expectCode(agent.run(command), 0);
      if (command === 'report') expect(outcome.stdout + outcome.stderr).toBe('');
      return performance.now() - startedMs;
    };
    // In turn, so that what else the machine does hits both alike.
    const pairs = Array.from({ length: PAIRS }, () => [timed('verify'), timed('report')] as const);
    const [verifyMs, reportMs] = [undisturbed(pairs.map(([v]) => v)), undisturbed(pairs.map(([, r]) => r))];
    console.log(
      `verify ${verifyMs.toFixed(1)} ms, report ${reportMs.toFixed(1)} ms: ${(reportMs / verifyMs).toFixed(2)}`,
    );
    expect(reportMs / verifyMs).toBeLessThan(MOST);
  });
});
