import { CHECKS, EARLY_CHECKS } from '../core/checks/registry.ts';
import { type Judgement, judge } from '../core/judge.ts';
import type { CheckContext } from '../core/model/check.ts';
import type { Desired } from '../core/model/desired.ts';
import { inEffect, type Moment, type Override } from '../core/model/override.ts';
import type { Report } from '../core/report/report.ts';
import type { Looking } from './ports/host.ts';

export interface Look {
  readonly context: CheckContext;
  readonly judgement: Judgement;
  readonly early: boolean;
}

/**
 * One observation, judged. The same for verify, plan, apply and report: there is no second comparator.
 * @param early before the network is up: what cannot be answered then (RIP, gateway, on-link, services) is not asked
 */
export function look(host: Looking, desired: Desired, forChange: boolean, early = false): Look {
  const asked = early ? { ...desired, vips: desired.vips.map((vip) => ({ ...vip, services: [] })) } : desired;
  const context = { desired, observed: host.observe(asked, forChange), ledger: host.readLedger() };
  return { context, judgement: judge(context, today(host), early ? EARLY_CHECKS : CHECKS), early };
}

export const today = (host: Looking): string => host.now().toISOString().slice(0, 10);

export interface OverridesNow {
  readonly overrides: readonly Override[];
  readonly notes: readonly string[];
  /** The file cannot be read: none is known. */
  readonly unknown: boolean;
}

/** Overrides in force; a file that cannot be read counts as none and is said in the notes. */
export function overridesNow(host: Looking): OverridesNow {
  const reading = host.readOverrides();
  if (reading.kind === 'unreadable')
    return { overrides: [], notes: [`the operator's overrides could not be read: ${reading.reason}`], unknown: true };
  const all = reading.kind === 'value' ? reading.value : [];
  return { overrides: inEffect(all, () => momentOf(host)), notes: [], unknown: false };
}

export const momentOf = (host: Looking): Moment => {
  const boot = host.bootClock();
  return { iso: host.now().toISOString(), boot: boot.kind === 'value' ? boot.value : null };
};

/** The end of an override after a while, on both clocks. */
export function endIn(host: Looking, ms: number): Pick<Override, 'boot'> & { readonly until: string } {
  const until = new Date(host.now().getTime() + ms).toISOString();
  const { boot } = momentOf(host);
  return boot === null ? { until } : { until, boot: { bootId: boot.bootId, fromMs: boot.ms, untilMs: boot.ms + ms } };
}

/** Why nothing may be done by itself: whether a person said hands off cannot be known. */
export function unknownHold(host: Looking): Report['failure'] {
  const reading = host.readOverrides();
  if (reading.kind !== 'unreadable') return null;
  return {
    kind: reading.cause === 'privilege' ? 'permission' : 'failed',
    message: `cannot tell whether this host is held, so nothing was done: ${reading.reason}`,
    next: 'run `rsprep hold` or `rsprep resume`: either writes that file anew',
  };
}

/** A report to fill in: everything a command has said when it has said nothing yet. */
export function baseReport(host: Looking, command: Report['command'], desired: Desired | null): Report {
  const { overrides, notes, unknown } = overridesNow(host);
  return {
    command,
    host: host.hostName(),
    at: host.now().toISOString(),
    ending: 'observed',
    desired,
    judgement: { findings: [], unfolded: [], ignored: [] },
    steps: [],
    refusals: [],
    overrides,
    ...(unknown ? { overridesUnknown: true } : {}),
    notes,
    failure: null,
    strict: false,
    durationMs: 0,
  };
}
