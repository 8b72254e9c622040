import type { Facts } from '../core/model/facts.ts';
import type { Changes, GoneFinding, OpenFinding } from '../core/report/compare.ts';
import type { Report } from '../core/report/report.ts';
import { toJson } from './json.ts';
import { type SafeText, safeJson } from './safe-text.ts';

interface RunView {
  readonly report: Report;
  readonly changes: Changes;
  readonly who: ReadonlyMap<string, readonly string[]>;
  readonly successAt: string | null;
}

/** One document per run: what `verify` says, what changed, and the host's facts where they were asked for. */
export function renderRunJson(run: RunView, exitCode: number, facts: Facts | null): SafeText {
  const { changes, who } = run;
  const document = {
    ...toJson(run.report, exitCode),
    last_success_at: run.successAt,
    changes: {
      new: changes.new.map((item) => ({ ...open(item), who: who.get(item.id) ?? [] })),
      changed: changes.changed.map((item) => ({ ...open(item), who: who.get(item.id) ?? [] })),
      gone: changes.gone.map((item: GoneFinding) => ({ ...open(item), because: item.because })),
      still_open: changes.open.map(open),
      not_looked_at: changes.unseen.map(open),
    },
    ...(facts ? { facts: snakeCase(facts) } : {}),
  };
  return safeJson(document);
}

const open = ({ id, check, severity, kind, cause, seen, since }: OpenFinding): object => ({
  id,
  check,
  severity,
  kind,
  cause,
  seen,
  since,
});

const snakeCase = (facts: Facts): object => ({
  distribution: facts.distribution,
  kernel: facts.kernel,
  architecture: facts.architecture,
  virtualization: facts.virtualization,
  model: facts.model,
  cpus: facts.cpus,
  memory_bytes: facts.memoryBytes,
  nics: facts.nics.map(({ speedMbps, ...nic }) => ({ ...nic, speed_mbps: speedMbps })),
});
