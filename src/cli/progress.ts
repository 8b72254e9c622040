import { safe } from '../format/safe-text.ts';
import type { Io } from './context.ts';

/** Nothing is shown for what ends sooner than this. */
const QUIET_FOR_MS = 400;

export interface ProgressLine {
  step(done: number, total: number): void;
  end(): void;
}

/** One line on a terminal's standard error for what takes long; nothing in a pipe. */
export function progressOn(io: Io, what: string): ProgressLine {
  if (!io.errIsTerminal) return { step: () => undefined, end: () => undefined };
  const startedMs = performance.now();
  let shown = false;
  return {
    step: (done, total) => {
      if (performance.now() - startedMs < QUIET_FOR_MS) return;
      shown = true;
      io.err(safe`\r${what}: ${done} of ${total} steps\u001b[K`);
    },
    end: () => {
      if (shown) io.err(safe`\r\u001b[K`);
    },
  };
}
