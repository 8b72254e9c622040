import { judge } from '../../core/judge.ts';
import type { Desired } from '../../core/model/desired.ts';
import { inEffect, type Override, overrideOf } from '../../core/model/override.ts';
import type { Answer } from '../../udp/answer.ts';
import {
  isSettled,
  type Look,
  observed,
  type Standing,
  type SubjectVerdict,
  UNDECIDED,
  type VouchRules,
  verdictOn,
} from '../../udp/vouch.ts';
import { momentOf, type OverridesNow, overridesNow, today } from '../look.ts';
import type { ConfigurationNow, ResponderState, Responding } from '../ports/respond.ts';
import { configurationNotes, toAnswer, unlessGone } from './answers.ts';
import { makeAttempts } from './attempts.ts';
import { comings, type RespondEvent, verdictEvents } from './events.ts';
import { alarmsOf, blindLooks, looksOf, type NamedSubject, subjectsOf } from './vouching.ts';

/** The socket that answers. `sinceMs` of CLOCK_BOOTTIME: the lease begins when what is said was looked at. */
export interface AnswerSocket {
  set(answers: readonly Answer[], leaseMs: number, sinceMs: number): void;
  renew(leaseMs: number, sinceMs: number): void;
}

export interface RespondSettings extends VouchRules {
  readonly intervalMs: number;
  readonly leaseMs: number;
}

export interface Responder {
  /** Looks, if it is time, and sets or renews the answers; never throws. @returns milliseconds until the next one is due */
  tick(): Promise<number>;
  /** Silent from now on. */
  stop(): void;
  state(): ResponderState;
}

/** An observation may cost this part of a core; a cheap fingerprint is compared every interval all the same. */
const LOOK_SHARE = 0.0025;
const LOOK_AT_LEAST_EVERY_MS = 30_000;

export function makeResponder(
  host: Responding,
  socket: AnswerSocket,
  settings: RespondSettings,
  log: (event: RespondEvent) => void,
): Responder {
  const { attempt, attemptLater, failures } = makeAttempts();
  let applied: Desired | null = null;
  let standings: ReadonlyMap<string, Standing> = new Map();
  let verdicts: ReadonlyMap<string, SubjectVerdict> = new Map();
  let alarms: readonly string[] = [];
  let notes: readonly string[] = [];
  let ledgerNote: string | null = null;
  let lastOverrides: readonly Override[] | null = null;
  let lastAnswers = '';
  let lastFingerprint: string | null = null;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let lookMs = 0;
  let looks = 0;
  /** When what is answered was looked at. */
  let heldSinceMs = Number.NEGATIVE_INFINITY;
  let since = host.now().toISOString();
  let stopping = false;

  const subjectsNow = (): readonly NamedSubject[] => (applied === null ? [HOST] : subjectsOf(applied));

  function say(events: readonly RespondEvent[]): void {
    for (const event of events) attempt('writing the log', () => log(event), undefined);
  }

  /** What cannot be read is what it was; what never could be read may be a drain. */
  function overridesInEffect(): OverridesNow {
    const read = attempt('reading the overrides', () => overridesNow(host), UNKNOWN_OVERRIDES);
    if (!read.unknown) lastOverrides = read.overrides;
    const reason = 'the overrides cannot be read, and may hold a drain';
    const drain = { kind: 'drain', reason, who: 'rsprep', since: host.now().toISOString(), until: null } as const;
    return { ...read, overrides: lastOverrides === null ? [drain] : inEffect(lastOverrides, () => momentOf(host)) };
  }

  /** One observation of the state last applied, judged by the same checks as everything else. */
  function look(): { readonly found: ReadonlyMap<string, Look>; readonly gone: boolean } {
    const ledger = host.readLedger();
    const known = ledger.kind === 'value' ? (ledger.value.applied?.desired ?? null) : null;
    const gone = ledger.kind === 'absent' || (ledger.kind === 'value' && known === null);
    applied = known ?? applied;
    const subjects = subjectsNow();
    ledgerNote = ledger.kind === 'unreadable' ? `the ledger: ${ledger.reason}` : null;
    if (gone) {
      const reason = 'nothing is applied on this host: rsprep apply';
      say(comings(alarms, [], 'alarm'));
      alarms = [];
      return { found: new Map(subjects.map(({ name }) => [name, { judged: 'unfit' as const, reason }])), gone };
    }
    if (applied === null)
      return { found: blindLooks(subjects, ledgerNote ?? 'the ledger could not be read'), gone: false };
    const context = { desired: applied, observed: host.observe(applied, false), ledger };
    const judgement = judge(context, today(host));
    const now = alarmsOf(judgement);
    say(comings(alarms, now, 'alarm'));
    alarms = now;
    return { found: looksOf(judgement, subjects), gone: false };
  }

  function lookAndRemember(): void {
    const startedMs = host.bootMs();
    const { found, gone } = attempt('looking at this host', look, { found: new Map(), gone: false });
    const nowMs = host.bootMs();
    // Frozen meanwhile, or a host too busy for its lease: what was seen is too old to vouch on, and is looked at again at once.
    const late = nowMs - startedMs > settings.leaseMs;
    standings = new Map(
      subjectsNow().map(({ name }) => {
        const seen = found.get(name) ?? NOT_OBSERVED;
        const before = standings.get(name) ?? UNDECIDED;
        if (late && seen.judged === 'fit') return [name, observed(UNDECIDED, TOO_LATE, nowMs)];
        const once = observed(before, seen, nowMs);
        // A ledger that is gone is no bad observation that might pass: remove took the VIPs, and lifts a drain right after.
        return [name, gone ? observed(once, seen, nowMs) : once];
      }),
    );
    looks += 1;
    lookedAtMs = startedMs;
    lookMs = nowMs - startedMs;
  }

  /** What is known, and what the kernel shows where a look failed. */
  function standingsNow(subjects: readonly NamedSubject[]): ReadonlyMap<string, Standing> {
    const of = applied;
    const shown =
      of !== null && [...standings.values()].some(({ unknownSinceMs }) => unknownSinceMs !== null)
        ? attempt('listing the addresses', () => host.addresses(), null)
        : null;
    return new Map(
      subjects.map((subject) => {
        const standing = standings.get(subject.name) ?? UNDECIDED;
        return [subject.name, of === null || shown === null ? standing : unlessGone(standing, subject, of, shown)];
      }),
    );
  }

  function answer(more: readonly string[], sinceMs: number): void {
    const { overrides, notes: overrideNotes } = overridesInEffect();
    const drain = overrideOf(overrides, 'drain');
    const vouch = overrideOf(overrides, 'vouch');
    const inEffectNow = {
      stopping,
      drain: drain && `drained by ${drain.who}: ${drain.reason}`,
      vouch: vouch && `vouched for by ${vouch.who}, regardless of the checks: ${vouch.reason}`,
    };
    const subjects = subjectsNow();
    const known = standingsNow(subjects);
    const next = new Map(
      subjects.map(({ name }) => [name, verdictOn(known.get(name) ?? UNDECIDED, inEffectNow, settings, sinceMs)]),
    );
    const notesNow = [...new Set([...more, ...overrideNotes, ...failures()])];
    if (next.get(HOST.name)?.verdict !== verdicts.get(HOST.name)?.verdict) since = host.now().toISOString();
    const answers = subjects.map(({ name, subject }) => toAnswer(subject, next.get(name), alarms, notesNow));
    const text = JSON.stringify(answers);
    // Answered first: a log that nobody reads must not be able to keep it.
    const give = (): void => {
      if (text === lastAnswers) socket.renew(settings.leaseMs, sinceMs);
      else socket.set(answers, settings.leaseMs, sinceMs);
      lastAnswers = text;
      heldSinceMs = sinceMs;
    };
    attempt('answering', give, undefined);
    say([...comings(notes, notesNow, 'note'), ...verdictEvents(verdicts, next)]);
    notes = notesNow;
    verdicts = next;
  }

  async function turn(): Promise<void> {
    const configuration = await attemptLater('reading the configuration', () => host.configuration(), NO_CONFIGURATION);
    const startedMs = host.bootMs();
    // Frozen or suspended past the lease: nothing that was known before is said again before this host is looked at.
    if (startedMs - heldSinceMs > settings.leaseMs) standings = new Map();
    const services = applied === null ? NO_SERVICES : servicesOf(applied);
    const fingerprint = attempt<string | null>('comparing this host', () => host.fingerprint(services), null);
    const dueMs = Math.min(LOOK_AT_LEAST_EVERY_MS, Math.max(settings.intervalMs, lookMs / LOOK_SHARE));
    const settled = standings.size > 0 && [...standings.values()].every(isSettled);
    // The half interval keeps a timer that fires a little early from skipping a turn.
    const due = startedMs - lookedAtMs >= dueMs - settings.intervalMs / 2;
    const looksNow = due || !settled || fingerprint === null || fingerprint !== lastFingerprint;
    const notesNow = (): readonly string[] => [
      ...(ledgerNote === null ? [] : [ledgerNote]),
      ...configurationNotes(configuration, applied),
    ];
    if (stopping) return;
    if (looksNow) {
      // A look that hangs takes until its children are ended: what the kernel shows is said before it.
      const blind = [...standings.values()].some(({ unknownSinceMs }) => unknownSinceMs !== null);
      if (blind) answer(notesNow(), startedMs);
      lookAndRemember();
    }
    lastFingerprint = fingerprint;
    // The moment of the look itself: frozen since then, the lease has gone by too.
    answer(notesNow(), looksNow ? lookedAtMs + lookMs : startedMs);
  }

  return {
    tick: async () => {
      const startedMs = host.bootMs();
      await attemptLater('a turn', turn, undefined);
      const failed = failures().filter((text) => !notes.includes(text));
      if (failed.length > 0) say([{ kind: 'note', texts: failed }]);
      notes = [...notes, ...failed];
      return Math.max(0, settings.intervalMs - (host.bootMs() - startedMs));
    },
    stop: () => {
      stopping = true;
      attempt('stopping', () => answer(notes, host.bootMs()), undefined);
    },
    state: () => ({
      host: verdicts.get(HOST.name) ?? verdictOn(UNDECIDED, NO_OVERRIDES, settings, host.bootMs()),
      since,
      subjects: Object.fromEntries([...verdicts].map(([name, { verdict }]) => [name, verdict])),
      alarms,
      notes,
      looks,
      lookMs,
    }),
  };
}

const HOST: NamedSubject = { name: 'host', subject: {} };
const NO_SERVICES: ReadonlySet<string> = new Set();
const NOT_OBSERVED: Look = { judged: 'unknown', reason: 'this host could not be looked at' };
const TOO_LATE: Look = { judged: 'unknown', reason: 'the last look took longer than an answer holds' };
const NO_CONFIGURATION: ConfigurationNow = { kind: 'unusable', reason: 'it could not be read' };
const UNKNOWN_OVERRIDES: OverridesNow = { overrides: [], notes: [], unknown: true };

/** `udp/53` …: a service whose socket goes is looked at in the same interval, not with the next full look. */
const servicesOf = ({ vips }: Desired): ReadonlySet<string> =>
  new Set(vips.flatMap(({ services }) => services.map(({ protocol, port }) => `${protocol}/${port}`)));

const NO_OVERRIDES = { drain: null, vouch: null, stopping: false };
