import { EXIT, failureCode } from '../core/report/exit-code.ts';
import type { ProbeRun } from './result.ts';

/** Something is wrong 2, something could not be told 1, all as wanted 0. A run that judged nothing could not tell. */
export function probeExitCode({ results, failure }: ProbeRun): number {
  if (results.some(({ outcome }) => outcome === 'wrong')) return EXIT.drift;
  if (failure) return failureCode(failure.kind);
  if (results.some(({ outcome }) => outcome === 'void')) return EXIT.failed;
  return results.some(({ outcome }) => outcome === 'good') ? EXIT.ok : EXIT.failed;
}
