import { statSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { ConfigurationNow } from '../../../app/ports/respond.ts';
import { makeResponder, type Responder } from '../../../app/respond/respond.ts';
import { type LoadResult, loadConfigFile, placeBelow } from '../../../config/file.ts';
import { formatConfigError } from '../../../config/problem.ts';
import type { Desired } from '../../../core/model/desired.ts';
import { LEDGER_PATH } from '../../../core/model/ledger.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { errorText } from '../../../linux/files/errors.ts';
import { respondingAt, writeResponderRecord } from '../../../linux/ports/respond.ts';
import { readLedger } from '../../../linux/state/ledger.ts';
import type { Answer } from '../../../udp/answer.ts';
import { isPrefix } from '../../../udp/options.ts';
import type { Socket } from '../../../udp/socket.ts';
import { type Context, contextOf, type Io } from '../../context.ts';
import { addGlobals, UsageError } from '../../globals.ts';
import { makeLogger } from '../../log.ts';
import { logEvent } from './log.ts';
import { openHealthSocket } from './socket.ts';

/** How often the counters are written for status and the textfile, milliseconds. */
const RECORD_EVERY_MS = 10_000;

export function registerRespond(program: Command, io: Io): void {
  const command = program
    .command('respond')
    .summary('the UDP health responder: vouches for this host while it can serve')
    .description(
      'Answers the directors on UDP, from the address they asked, while this host is as last applied. Looks every interval; two bad\n' +
        'looks in a row end vouching, one good one brings it back. Needs no privilege. Runs until SIGTERM, on which it goes silent\n' +
        'first. Protocol and settings: docs/wire-protocol.md, docs/udp.md.',
    )
    .option('--allow <prefix>', 'also answer this address or prefix; may be repeated', collect, [])
    .addHelpText(
      'after',
      `
Exit status: 0 stopped by a signal · 78 no usable configuration and nothing applied · 1 the port cannot be opened

Examples:
  rsprep respond
  rsprep respond --allow 10.0.0.0/24        # for a test from elsewhere
  rsprep ask 127.0.0.1                      # from another terminal`,
    );
  addGlobals(command).action(async (options: { allow: readonly string[] }, self: Command) => {
    const context = contextOf(self, io);
    if (context.globals.config === '-')
      throw new UsageError('--config: expected a file, because it is read again, received -');
    const settings = await settingsOf(context, options.allow);
    if (settings !== null) await run(context, settings, options.allow);
  });
}

function collect(value: string, before: readonly string[]): readonly string[] {
  if (!isPrefix(value))
    throw new UsageError(
      `--allow: expected an address or prefix such as 10.0.0.0/24, received ${JSON.stringify(value)}`,
    );
  return [...before, value];
}

/** The configuration file's; where that cannot be used, those last applied. Null after having said why there are none. */
async function settingsOf(context: Context, allow: readonly string[]): Promise<Desired | null> {
  const { io } = context;
  const loaded = await load(context);
  const ledger = readLedger(context.paths);
  const applied = ledger.kind === 'value' ? (ledger.value.applied?.desired ?? null) : null;
  const settings = loaded.kind === 'ok' ? loaded.desired : applied;
  if (settings !== null && settings.directors.length + allow.length > 0) return settings;
  const why =
    settings === null && loaded.kind !== 'ok'
      ? `the configuration cannot be used and nothing was ever applied here: ${inALine(loaded)}`
      : 'expected directors in the configuration, found none: nobody would be answered';
  io.err(
    `rsprep respond: ${why}\n  next: ${settings === null ? 'rsprep config check' : 'name them in the configuration (directors: [ADDRESS, …]): nobody else is answered'}\n`,
  );
  io.setExitCode(EXIT.configuration);
  return null;
}

const load = ({ globals }: Context): Promise<LoadResult> =>
  loadConfigFile(globals.config, globals.root, { allowEmpty: true });

const inALine = (loaded: Exclude<LoadResult, { kind: 'ok' }>): string =>
  (loaded.kind === 'refused'
    ? `${loaded.source}: ${loaded.why.message}`
    : loaded.errors.map(formatConfigError).join('; ')
  )
    .split('\n')
    .map((line) => line.trim())
    .join(' ');

/** What a signal ends: whichever responder runs then. */
interface Stop {
  stopped: boolean;
  responder: Responder | null;
  wake: () => void;
}

async function run(context: Context, settings: Desired, allow: readonly string[]): Promise<void> {
  const { io, globals } = context;
  // Seconds after the start V8's memory reducer would mark the whole heap to give back a few megabytes: the idle CPU of a minute,
  // for nothing. It marks incrementally or not at all; --no-memory-reducer is only read while the heap is made.
  setFlagsFromString('--no-incremental-marking');
  const log = await makeLogger(io, globals.verbose, globals.colour);
  const stop: Stop = { stopped: false, responder: null, wake: () => undefined };
  io.onStop(() => {
    if (!stop.stopped) stop.responder?.stop();
    stop.stopped = true;
    stop.wake();
  });
  // An apply may bring other directors, or another port: a new socket, in less time than any health check waits.
  for (let next: Desired | null = settings; next !== null; ) next = await serve(context, next, allow, stop, log);
}

/** @returns the settings to go on with, or null when it is over */
async function serve(
  context: Context,
  settings: Desired,
  allow: readonly string[],
  stop: Stop,
  log: Logger,
): Promise<Desired | null> {
  const { io, globals, paths } = context;
  const { responder: config } = settings;
  const opened = await openHealthSocket(config.port, [...settings.directors, ...allow]);
  if (opened.kind === 'failed') {
    io.err(`rsprep respond: ${opened.reason}\n  next: ss -lunp sport = :${config.port}\n`);
    io.setExitCode(EXIT.failed);
    return null;
  }
  const { socket } = opened;
  const read = async (): Promise<ConfigurationNow> => {
    const loaded = await load(context);
    return loaded.kind === 'ok' ? loaded : { kind: 'unusable', reason: inALine(loaded) };
  };
  // A child that hangs must not outlast the lease: with two children a look then takes at most the lease.
  const timeoutMs = Math.min(context.hostOptions.timeoutMs, config.leaseMs / 2);
  const options = { ...context.hostOptions, timeoutMs };
  const host = respondingAt(paths, options, placeBelow(globals.config, globals.root), read);
  const answering = {
    set: (answers: readonly Answer[], leaseMs: number) => socket.setAnswers({ answers, leaseMs }),
    renew: (leaseMs: number) => socket.renewAnswers(leaseMs),
  };
  const responder = makeResponder(host, answering, config, (event) => logEvent(log, event));
  stop.responder = responder;
  log.info(
    { port: config.port, directors: settings.directors, intervalMs: config.intervalMs, leaseMs: config.leaseMs },
    'responding',
  );
  const newlyApplied = watchApplied(paths, settings, allow);
  const record = makeRecorder(context, responder, socket, config.port, log);
  let next: Desired | null = null;
  while (!stop.stopped && next === null) {
    const nextMs = await responder.tick();
    await record();
    next = newlyApplied();
    if (!stop.stopped && next === null) await sleepUntil(stop, nextMs);
  }
  if (stop.stopped) {
    log.info({ graceMs: config.stopGraceMs, stats: socket.stats() }, 'silent; ending');
    stop.wake = () => undefined;
    await new Promise((resolve) => setTimeout(resolve, config.stopGraceMs));
    await record(true);
    io.setExitCode(EXIT.ok);
  } else log.info('other directors or settings of the responder are applied: beginning anew with them');
  stop.responder = null;
  await new Promise<void>((resolve) => socket.close(resolve));
  return stop.stopped ? null : next;
}

const sleepUntil = (stop: Stop, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });

/**
 * Says when an apply brought other directors or settings of the responder than are in force. A file that somebody edited and did not
 * apply changes nothing.
 */
function watchApplied(paths: Context['paths'], inForce: Desired, allow: readonly string[]): () => Desired | null {
  const keyOf = ({ directors, responder }: Desired): string => JSON.stringify([directors, responder]);
  const applied = (): Desired | null => {
    const ledger = readLedger(paths);
    return ledger.kind === 'value' ? (ledger.value.applied?.desired ?? null) : null;
  };
  const identity = (): string => {
    const stats = statSync(paths.at(LEDGER_PATH), { throwIfNoEntry: false });
    return stats ? `${stats.ino} ${stats.mtimeMs} ${stats.size}` : '';
  };
  let seen = identity();
  const first = applied();
  let last = first === null ? '' : keyOf(first);
  return () => {
    const now = identity();
    if (now === seen) return null;
    seen = now;
    const desired = applied();
    if (desired === null || keyOf(desired) === last) return null;
    last = keyOf(desired);
    const isUsable = desired.directors.length + allow.length > 0;
    return isUsable && last !== keyOf(inForce) ? desired : null;
  };
}

/** Writes the counters every so often and on every change; a directory it may not write to is said once. */
function makeRecorder(context: Context, responder: Responder, socket: Socket, port: number, log: Logger) {
  let lastMs = Number.NEGATIVE_INFINITY;
  let last = '';
  let refused = false;
  return async (now = false): Promise<void> => {
    const state = responder.state();
    const { looks: _looks, lookMs: _lookMs, ...what } = state;
    const text = JSON.stringify(what);
    if (refused || (!now && text === last && performance.now() - lastMs < RECORD_EVERY_MS)) return;
    [last, lastMs] = [text, performance.now()];
    try {
      const record = {
        format: 1 as const,
        pid: process.pid,
        at: new Date().toISOString(),
        port,
        stats: socket.stats(),
      };
      await writeResponderRecord(context.paths, { ...state, ...record });
    } catch (error) {
      refused = true;
      log.warn(`the counters for status and the textfile cannot be written: ${errorText(error)}`);
    }
  };
}
