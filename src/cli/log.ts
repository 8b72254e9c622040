import type { Logger } from 'pino';
import { ownJson, styledBy } from '../format/safe-text.ts';
import { writeAtOnce } from '../linux/process/write-at-once.ts';
import type { Io } from './context.ts';
import { makeLogQueue } from './log-queue.ts';

export interface Log {
  readonly log: Logger;
  /** Writes what still waits for its reader, as far as that can be done without waiting: often enough, and last of all. */
  flush(): void;
}

/**
 * The log on standard error: for people on a terminal, JSON lines otherwise. Written at once where it is read, so that nothing is lost
 * at exit; nobody waits for a reader.
 */
export async function makeLogger(
  io: Pick<Io, 'errIsTerminal' | 'env'>,
  verbose: boolean,
  colour: boolean,
  write = (bytes: Uint8Array): number => writeAtOnce(2, bytes),
): Promise<Log> {
  const { pino } = await import('pino');
  const level = verbose ? 'debug' : 'info';
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const queue = makeLogQueue(write, (lines) =>
    log.warn({ lines }, `${lines} lines of this log are lost: nobody read it`),
  );
  const made = (shown: (line: string) => string): Logger =>
    pino(options, { write: (line: string) => queue.add(shown(line)) });
  let log: Logger;
  if (io.errIsTerminal) {
    const { prettyFactory } = await import('pino-pretty');
    const pretty = prettyFactory({
      colorize: colour && wantsColourOnErr(io),
      translateTime: 'SYS:HH:MM:ss',
      singleLine: true,
    });
    log = made((line) => styledBy(JSON.parse(line), (entry) => pretty(entry) ?? '').toString());
  } else log = made((line) => ownJson(line).toString());
  return { log, flush: queue.flush };
}

const wantsColourOnErr = (io: Pick<Io, 'env'>): boolean => io.env.NO_COLOR === undefined || io.env.NO_COLOR === '';
