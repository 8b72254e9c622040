import { setFlagsFromString } from 'node:v8';
import type { ConfigurationNow } from '../../../app/ports/respond.ts';
import { makeResponder, type Responder } from '../../../app/respond/respond.ts';
import { placeBelow } from '../../../config/file.ts';
import type { Desired } from '../../../core/model/desired.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { safe } from '../../../format/safe-text.ts';
import { respondingAt } from '../../../linux/ports/respond.ts';
import type { Answer } from '../../../udp/answer.ts';
import type { Context } from '../../context.ts';
import { type Log, makeLogger } from '../../log.ts';
import { watchApplied } from './applied.ts';
import { type Held, heldSockets } from './held.ts';
import { logEvent } from './log.ts';
import { makeRecorder } from './record.ts';
import { inALine, loadSettings } from './settings.ts';
import { openHealthSockets } from './socket.ts';

/** What a signal ends: whichever responder runs then. */
interface Stop {
  stopped: boolean;
  responder: Responder | null;
  wake: () => void;
}

export async function serveUntilStopped(context: Context, settings: Desired, allow: readonly string[]): Promise<void> {
  const { io, globals } = context;
  // Seconds after the start V8's memory reducer would mark the whole heap to give back a few megabytes: the idle CPU of a minute,
  // for nothing. It marks incrementally or not at all; --no-memory-reducer is only read while the heap is made.
  setFlagsFromString('--no-incremental-marking');
  const logging = await makeLogger(io, globals.verbose, globals.colour);
  const held = await heldSockets(io.env);
  const stop: Stop = { stopped: false, responder: null, wake: () => undefined };
  io.onStop(() => {
    if (!stop.stopped) stop.responder?.stop();
    stop.stopped = true;
    stop.wake();
  });
  // An apply may bring other directors, or another port: a new socket, in less time than any health check waits.
  for (let next: Desired | null = settings; next !== null; )
    next = await serve(context, next, allow, stop, logging, held);
  logging.flush();
}

/** @returns the settings to go on with, or null when it is over */
async function serve(
  context: Context,
  settings: Desired,
  allow: readonly string[],
  stop: Stop,
  { log, flush }: Log,
  held: readonly Held[],
): Promise<Desired | null> {
  const { io, globals, paths } = context;
  const { responder: config } = settings;
  const opened = await openHealthSockets(settings, allow, held);
  if (opened.kind === 'failed') {
    io.err(safe`rsprep respond: ${opened.reason}\n  next: ss -lunp sport = :${config.port}\n`);
    io.setExitCode(EXIT.failed);
    return null;
  }
  const { sockets } = opened;
  for (const note of opened.notes) log.warn(note);
  const read = async (): Promise<ConfigurationNow> => {
    const loaded = await loadSettings(context);
    return loaded.kind === 'ok' ? loaded : { kind: 'unusable', reason: inALine(loaded) };
  };
  // A child that hangs must not outlast the lease: with two children a look then takes at most the lease.
  const timeoutMs = Math.min(context.hostOptions.timeoutMs, config.leaseMs / 2);
  const options = { ...context.hostOptions, timeoutMs };
  const host = respondingAt(paths, options, placeBelow(globals.config, globals.root), read);
  const answering = {
    set: (answers: readonly Answer[], leaseMs: number, sinceMs: number) =>
      sockets.setAnswers({ answers, leaseMs, sinceMs }),
    renew: (leaseMs: number, sinceMs: number) => sockets.renewAnswers(leaseMs, sinceMs),
  };
  const responder = makeResponder(host, answering, config, (event) => logEvent(log, event));
  stop.responder = responder;
  log.info(
    { port: config.port, directors: settings.directors, intervalMs: config.intervalMs, leaseMs: config.leaseMs },
    'responding',
  );
  const newlyApplied = watchApplied(paths, settings, allow);
  const record = makeRecorder(context, responder, sockets, config.port, log);
  let next: Desired | null = null;
  while (!stop.stopped && next === null) {
    const nextMs = await responder.tick();
    await record();
    flush();
    next = newlyApplied();
    if (!stop.stopped && next === null) await sleepUntil(stop, nextMs);
  }
  if (stop.stopped) {
    log.info({ graceMs: config.stopGraceMs, stats: sockets.stats() }, 'silent from now on; ends after the grace time');
    stop.wake = () => undefined;
    await new Promise((resolve) => setTimeout(resolve, config.stopGraceMs));
    await record(true);
    io.setExitCode(EXIT.ok);
  } else log.info('new directors or responder settings were applied: starting again with them');
  stop.responder = null;
  await sockets.close();
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
