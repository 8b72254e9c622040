import { VIP, VIP6 } from '../../support/netns.ts';
import type { Outcome } from '../../support/process.ts';
import { type Agent, expectCode, parseReport } from '../../support/rsprep.ts';

const ECHO = { port: 'udp/5353', probe: { send: '6869', expect: '6869' } };

export const SERVICES = { version: 1, vips: [{ address: VIP, services: [ECHO] }, VIP6] as const };
export const ECHO_SERVICE: Readonly<Record<string, unknown>> = ECHO;

/** After an apply: a host as it should be. */
export function prepared(agent: Agent): Agent {
  expectCode(agent.run('apply'), 0);
  return agent;
}

export interface Shown {
  readonly id: string;
  readonly outcome: string;
  readonly seen?: string;
  readonly reason?: string;
}

/** Every result of a probe that was asked for JSON. */
function resultsOf(outcome: Outcome): readonly Shown[] {
  const { results } = parseReport(outcome) as { readonly results?: readonly Shown[] };
  if (results === undefined) throw new Error(`no results in ${outcome.stdout}${outcome.stderr}`);
  return results;
}

/** id → outcome. */
export const outcomes = (outcome: Outcome): Readonly<Record<string, string>> =>
  Object.fromEntries(resultsOf(outcome).map((result) => [result.id, result.outcome]));

export function resultOf(outcome: Outcome, id: string): Shown {
  const found = resultsOf(outcome).find((result) => result.id === id);
  if (found === undefined) throw new Error(`no ${id} in ${outcome.stdout}`);
  return found;
}
