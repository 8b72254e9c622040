import { setUpDirector } from './director.ts';
import type { Outcome } from './expectation.ts';
import { buildNetwork } from './network.ts';
import type { DirectorMode, LabEvent, LabOptions, StepResult } from './protocol.ts';
import { install } from './real-server.ts';
import * as steps from './steps.ts';

interface ScenarioStep {
  readonly id: string;
  readonly title: string | ((mode: DirectorMode) => string);
  readonly run: (stage: steps.Stage) => Promise<Outcome>;
}

const SCENARIO: readonly ScenarioStep[] = [
  { id: 'unprepared', title: 'rsprep verify, before: neither real server is prepared', run: steps.unprepared },
  { id: 'apply', title: 'rsprep apply, in both real servers', run: steps.apply },
  { id: 'verify', title: 'rsprep verify: both are prepared', run: steps.verify },
  {
    id: 'requests',
    title: (mode) =>
      `the client asks the VIP, ${mode === 'neighbour' ? 'first at rs1, then at rs2' : 'through the director'}`,
    run: steps.requests,
  },
  { id: 'arp', title: 'nobody but the director answers for the VIP', run: steps.arp },
  { id: 'break-arp', title: 'break rs1: somebody sets net.ipv4.conf.all.arp_ignore=0 there', run: steps.breakArp },
  { id: 'name-arp', title: 'rsprep verify in rs1 names it', run: (stage) => steps.names(stage, 'rs1', 'arp-ignore@') },
  { id: 'fix-arp', title: 'rsprep apply in rs1 fixes it', run: steps.fixArp },
  { id: 'break-vip', title: 'break rs2: somebody deletes the VIP there', run: steps.breakVip },
  { id: 'name-vip', title: 'rsprep verify in rs2 names it', run: (stage) => steps.names(stage, 'rs2', 'vip-missing@') },
  { id: 'fix-vip', title: 'rsprep apply in rs2 fixes it, and both serve again', run: steps.fixVip },
];

/**
 * Builds the LAN and goes through the steps; the first that is not as expected is the last.
 * @returns whether everything was as expected.
 */
export async function runScenario(
  options: LabOptions,
  folder: string,
  tell: (event: LabEvent) => void,
): Promise<boolean> {
  tell({ kind: 'began', title: 'building the network' });
  const network = await buildNetwork(options.id);
  const { hosts, families } = network;
  const director = await setUpDirector(hosts.director, families, options);
  tell({ kind: 'stands', families: families.map(({ version }) => version), director });
  const servers = { rs1: install(hosts.rs1, folder, families), rs2: install(hosts.rs2, folder, families) };
  const stage = { network, mode: director.mode, servers };
  for (const step of SCENARIO) {
    const title = typeof step.title === 'string' ? step.title : step.title(director.mode);
    tell({ kind: 'began', title });
    const result = await perform(step, title, stage);
    tell({ kind: 'step', step: result });
    if (!result.ok) return false;
  }
  return true;
}

async function perform({ id, run }: ScenarioStep, title: string, stage: steps.Stage): Promise<StepResult> {
  const startedMs = performance.now();
  const { lines, data, expectations } = await run(stage);
  const unmet = expectations.find(({ met }) => !met);
  return {
    id,
    title,
    ok: unmet === undefined,
    lines,
    data,
    failure: unmet ? { expected: unmet.expected, received: unmet.received, output: unmet.output ?? [] } : null,
    durationMs: Math.round(performance.now() - startedMs),
  };
}
