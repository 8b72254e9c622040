import type { Logger } from 'pino';
import { ownJson, styledBy } from '../format/safe-text.ts';
import type { Io } from './context.ts';

/** The log on standard error: for people on a terminal, JSON lines otherwise. Written at once, so that nothing is lost at exit. */
export async function makeLogger(io: Io, verbose: boolean, colour: boolean): Promise<Logger> {
  const { pino } = await import('pino');
  const level = verbose ? 'debug' : 'info';
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!io.errIsTerminal) return pino(options, { write: (line: string) => io.err(ownJson(line)) });
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: colour && wantsColourOnErr(io),
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
  });
  return pino(options, { write: (line: string) => io.err(styledBy(JSON.parse(line), (entry) => pretty(entry) ?? '')) });
}

const wantsColourOnErr = (io: Io): boolean => io.env.NO_COLOR === undefined || io.env.NO_COLOR === '';
