import { CHECKS } from '../core/checks/registry.ts';
import { judge } from '../core/judge.ts';
import type { Check } from '../core/model/check.ts';
import type { Desired } from '../core/model/desired.ts';
import type { Report } from '../core/report/report.ts';
import { baseReport, look, today } from './look.ts';
import type { Looking } from './ports/host.ts';

/**
 * Observes and judges. Its only port is `Looking`, which has nothing that changes a host.
 * @param options probes: checks that say what a probe found just now
 */
export function verify(
  host: Looking,
  desired: Desired,
  options: { readonly strict: boolean; readonly probes?: readonly Check[] },
): Report {
  const startedMs = host.monotonicMs();
  const looked = look(host, desired, false);
  const judgement = options.probes
    ? judge(looked.context, today(host), [...CHECKS, ...options.probes])
    : looked.judgement;
  return {
    ...baseReport(host, 'verify', desired),
    judgement,
    strict: options.strict,
    durationMs: host.monotonicMs() - startedMs,
  };
}
