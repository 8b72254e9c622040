// 300 reports, each killed at another moment: no earlier run is lost, no line is broken, and what changed is told in the end.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { VIP, withNetwork } from '../../support/netns.ts';
import { killTree, sleep } from '../../support/process.ts';
import { type Agent, agentOn, expectCode } from '../../support/rsprep.ts';

const RUNS = 300;

function timed(act: () => unknown): number {
  const startedMs = performance.now();
  act();
  return performance.now() - startedMs;
}

/** Every line of the journal, oldest file first. */
function lines(agent: Agent): string[] {
  const directory = agent.file('var/lib/rsprep/report');
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  const rotated = names.filter((name) => name !== 'journal.jsonl').sort();
  const files = [...rotated, ...names.filter((name) => name === 'journal.jsonl')];
  return files.flatMap((name) => readFileSync(join(directory, name), 'utf8').split(/(?<=\n)/));
}

it(`survives SIGKILL at any moment of ${RUNS} runs`, { timeout: 300_000 }, async () => {
  await withNetwork(async (net) => {
    const agent = agentOn(net, net.rs, { version: 1, vips: [VIP] });
    expectCode(agent.run('apply'), 0);
    const runMs = Math.min(...Array.from({ length: 5 }, () => timed(() => expectCode(agent.run('report'), 0))));
    let before = lines(agent);
    let [killed, told, leaking, usualMs] = [0, 0, false, runMs];
    for (let round = 0; round < RUNS; round += 1) {
      // Something changes every few rounds, so that every way through a report is killed.
      if (round % 5 === 0) {
        leaking = !leaking;
        agent.host.arp('all', 'arp_ignore', leaking ? 0 : 1);
      }
      const { child, done } = agent.start({}, 'report');
      // Around the moment at which a run writes, wherever that is on this machine just now: later after a run that was
      // killed before it, earlier after one that was not.
      const waitMs = usualMs * (0.85 + 0.3 * ((round * 0.618034) % 1));
      await Promise.race([sleep(waitMs), done]);
      if (child.pid !== undefined && child.exitCode === null) killTree(child.pid);
      const outcome = await done;
      if (outcome.signal !== null) killed += 1;
      if (outcome.stdout !== '') told += 1;
      const after = lines(agent);
      // Every earlier whole line is still there, byte for byte.
      expect(after.slice(0, before.length)).toEqual(before);
      usualMs *= after.length > before.length ? 0.97 : 1.03;
      before = after.filter((line) => line.endsWith('\n'));
    }
    agent.host.arp('all', 'arp_ignore', 0);
    expectCode(agent.run('report'), 2);
    const all = lines(agent);
    for (const line of all) expect(() => JSON.parse(line)).not.toThrow();
    expect(all.every((line) => line.endsWith('\n'))).toBe(true);
    const seqs = all.map((line) => JSON.parse(line).seq);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
    expect(killed).toBeGreaterThan(RUNS / 4);
    expect(all.length).toBeGreaterThan(RUNS / 4);
    expect(told).toBeGreaterThan(0);
    console.log(`${killed} of ${RUNS} runs were killed, ${all.length} lines are in the journal`);
  });
});
