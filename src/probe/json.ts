import { FORMAT_VERSION } from '../core/report/report.ts';
import { type SafeText, safeJson } from '../format/safe-text.ts';
import type { ProbeRun } from './result.ts';

/** Keys are snake_case, as in every other document of rsprep. */
export function renderProbeJson(run: ProbeRun, exitCode: number): SafeText {
  const document = {
    format_version: FORMAT_VERSION,
    command: run.command,
    host: run.host,
    at: run.at,
    exit_code: exitCode,
    results: run.results.map(({ probe, subject, outcome, ...rest }) => ({
      ...{ id: `${probe}@${subject}`, probe, subject, outcome },
      ...Object.fromEntries(Object.entries(rest).map(([key, item]) => [snake(key), item])),
    })),
    notes: run.notes,
    failure: run.failure,
    duration_ms: Math.round(run.durationMs),
  };
  return safeJson(document);
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
