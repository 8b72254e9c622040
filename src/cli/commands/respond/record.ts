import type { Logger } from 'pino';
import type { Responder } from '../../../app/respond/respond.ts';
import { errorText } from '../../../linux/files/errors.ts';
import { wallClock } from '../../../linux/observe/wall-clock.ts';
import { writeResponderRecord } from '../../../linux/ports/respond.ts';
import type { Context } from '../../context.ts';
import type { HealthSockets } from './socket.ts';

/** How often the counters are written for status and the textfile, milliseconds. */
const RECORD_EVERY_MS = 10_000;

/** Writes the counters every so often and on every change; what keeps it from that is said once. */
export function makeRecorder(
  context: Context,
  responder: Responder,
  sockets: Pick<HealthSockets, 'stats'>,
  port: number,
  log: Logger,
) {
  let lastMs = Number.NEGATIVE_INFINITY;
  let last = '';
  let refused = '';
  return async (now = false): Promise<void> => {
    const state = responder.state();
    const { looks: _looks, lookMs: _lookMs, ...what } = state;
    const text = JSON.stringify(what);
    // Where it failed, no more often than that: a folder may be mended, a disk have space again.
    if (!now && (text === last || refused !== '') && performance.now() - lastMs < RECORD_EVERY_MS) return;
    [last, lastMs] = [text, performance.now()];
    try {
      const record = {
        format: 1 as const,
        pid: process.pid,
        at: wallClock().toISOString(),
        port,
        stats: sockets.stats(),
      };
      await writeResponderRecord(context.paths, { ...state, ...record });
      refused = '';
    } catch (error) {
      const why = errorText(error);
      if (why !== refused) log.warn(`the counters for status and the textfile cannot be written: ${why}`);
      refused = why;
    }
  };
}
