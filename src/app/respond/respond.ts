import { escapeText } from '../../core/escape.ts';
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
import { type OverridesNow, overridesNow, today } from '../look.ts';
import type { ConfigurationNow, ResponderState, Responding } from '../ports/respond.ts';
import { alarmsOf, blindLooks, looksOf, type NamedSubject, subjectsOf } from './vouching.ts';

/** The socket that answers. */
export interface AnswerSocket {
  set(answers: readonly Answer[], leaseMs: number): void;
  renew(leaseMs: number): void;
}

/** What is worth a line in the log. */
export type RespondEvent =
  | { readonly kind: 'verdict'; readonly name: string; readonly from: string; readonly now: SubjectVerdict }
  | { readonly kind: 'alarm' | 'alarm-over' | 'note' | 'note-over'; readonly text: string };

export interface RespondSettings extends VouchRules {
  readonly intervalMs: number;
  readonly leaseMs: number;
}

export interface Responder {
  /** Looks, if it is time, and sets or renews the answers. @returns milliseconds until the next one is due */
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
  let applied: Desired | null = null;
  let standings: ReadonlyMap<string, Standing> = new Map();
  let verdicts: ReadonlyMap<string, SubjectVerdict> = new Map();
  let alarms: readonly string[] = [];
  let notes: readonly string[] = [];
  let lastOverrides: readonly Override[] | null = null;
  let lastAnswers = '';
  let lastFingerprint = '';
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let lookMs = 0;
  let looks = 0;
  let since = host.now().toISOString();
  let stopping = false;

  /** What cannot be read is what it was; what never could be read may be a drain. */
  function overridesInEffect(): OverridesNow {
    const read = overridesNow(host);
    if (!read.unknown) lastOverrides = read.overrides;
    const now = host.now().toISOString();
    const reason = 'the overrides cannot be read, and may hold a drain';
    const drain = { kind: 'drain', reason, who: 'rsprep', since: now, until: null } as const;
    return { ...read, overrides: lastOverrides === null ? [drain] : inEffect(lastOverrides, now) };
  }

  /** One observation of the state last applied, judged by the same checks as everything else. */
  function look(): string | null {
    const startedMs = host.monotonicMs();
    const ledger = host.readLedger();
    const known = ledger.kind === 'value' ? (ledger.value.applied?.desired ?? null) : null;
    const gone = ledger.kind === 'absent' || (ledger.kind === 'value' && known === null);
    applied = known ?? applied;
    const subjects = applied === null ? [HOST] : subjectsOf(applied);
    const ledgerNote = ledger.kind === 'unreadable' ? `the ledger: ${ledger.reason}` : null;
    let found: ReadonlyMap<string, Look>;
    if (gone) {
      const reason = 'nothing is applied on this host: rsprep apply';
      found = new Map(subjects.map(({ name }) => [name, { judged: 'unfit' as const, reason }]));
      alarms = report(alarms, [], 'alarm', log);
    } else if (applied === null) {
      found = blindLooks(subjects, ledgerNote ?? 'the ledger could not be read');
    } else {
      const context = { desired: applied, observed: host.observe(applied, false), ledger };
      const judgement = judge(context, today(host));
      found = looksOf(judgement, subjects);
      alarms = report(alarms, alarmsOf(judgement), 'alarm', log);
    }
    const nowMs = host.monotonicMs();
    standings = new Map(
      subjects.map(({ name }) => {
        const seen = found.get(name) ?? { judged: 'unknown' as const, reason: 'not observed' };
        const once = observed(standings.get(name) ?? UNDECIDED, seen, nowMs);
        // A ledger that is gone is no bad observation that might pass: remove took the VIPs, and lifts a drain right after.
        return [name, gone ? observed(once, seen, nowMs) : once];
      }),
    );
    looks += 1;
    lookedAtMs = startedMs;
    lookMs = nowMs - startedMs;
    return ledgerNote;
  }

  function answer(notesNow: readonly string[]): void {
    const { overrides, notes: overrideNotes } = overridesInEffect();
    const drain = overrideOf(overrides, 'drain');
    const vouch = overrideOf(overrides, 'vouch');
    const inEffectNow = {
      stopping,
      drain: drain && `drained by ${drain.who}: ${drain.reason}`,
      vouch: vouch && `vouched for by ${vouch.who}, regardless of the checks: ${vouch.reason}`,
    };
    const nowMs = host.monotonicMs();
    const subjects = applied === null ? [HOST] : subjectsOf(applied);
    const next = new Map(
      subjects.map(({ name }) => [name, verdictOn(standings.get(name) ?? UNDECIDED, inEffectNow, settings, nowMs)]),
    );
    notes = report(notes, [...notesNow, ...overrideNotes], 'note', log);
    for (const [name, now] of next) {
      const before = verdicts.get(name)?.verdict ?? 'nothing';
      if (before === now.verdict) continue;
      if (name === HOST.name) since = host.now().toISOString();
      log({ kind: 'verdict', name, from: before, now });
    }
    verdicts = next;
    const answers = subjects.map(({ name, subject }) =>
      toAnswer(subject, next.get(name), [...alarms.map(asAlarm), ...notes]),
    );
    const text = JSON.stringify(answers);
    if (text === lastAnswers) socket.renew(settings.leaseMs);
    else socket.set(answers, settings.leaseMs);
    lastAnswers = text;
  }

  async function tick(): Promise<number> {
    const startedMs = host.monotonicMs();
    const fingerprint = host.fingerprint(applied === null ? NO_SERVICES : servicesOf(applied));
    const dueMs = Math.min(LOOK_AT_LEAST_EVERY_MS, Math.max(settings.intervalMs, lookMs / LOOK_SHARE));
    const settled = standings.size > 0 && [...standings.values()].every(isSettled);
    // The half interval keeps a timer that fires a little early from skipping a turn.
    const due = startedMs - lookedAtMs >= dueMs - settings.intervalMs / 2;
    if (due || !settled || fingerprint !== lastFingerprint) ledgerNote = look();
    lastFingerprint = fingerprint;
    const configuration = await host.configuration();
    if (!stopping)
      answer([...(ledgerNote === null ? [] : [ledgerNote]), ...configurationNotes(configuration, applied)]);
    return Math.max(0, settings.intervalMs - (host.monotonicMs() - startedMs));
  }

  let ledgerNote: string | null = null;
  return {
    tick,
    stop: () => {
      stopping = true;
      answer(notes);
    },
    state: () => ({
      host: verdicts.get(HOST.name) ?? verdictOn(UNDECIDED, NO_OVERRIDES, settings, host.monotonicMs()),
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

/** `udp/53` …: a service whose socket goes is looked at in the same interval, not with the next full look. */
const servicesOf = ({ vips }: Desired): ReadonlySet<string> =>
  new Set(vips.flatMap(({ services }) => services.map(({ protocol, port }) => `${protocol}/${port}`)));

const NO_OVERRIDES = { drain: null, vouch: null, stopping: false };

const asAlarm = (text: string): string => `alarm: ${text}`;

function toAnswer(subject: NamedSubject['subject'], now: SubjectVerdict | undefined, also: readonly string[]): Answer {
  const { verdict, speaks, reason } = now ?? {
    verdict: 'cannot-tell' as const,
    speaks: false,
    reason: 'not yet observed',
  };
  const first = reason === '' ? 'as last applied' : reason;
  // Whoever asks may show it as it is: in it are names of processes, and what operators typed.
  return { subject, verdict, speaks, text: escapeText([first, ...also].join('; ')) };
}

/** The file someone edits is not what is vouched for: only what it says differently is worth knowing. */
function configurationNotes(configuration: ConfigurationNow, applied: Desired | null): readonly string[] {
  if (configuration.kind === 'unusable')
    return [`the configuration cannot be used, the one last applied stays in force: ${configuration.reason}`];
  if (applied === null) return [];
  const wanted = new Set(configuration.desired.vips.map(({ address }) => address));
  const had = new Set(applied.vips.map(({ address }) => address));
  const added = [...wanted].filter((vip) => !had.has(vip)).map((vip) => `${vip} is configured but not yet applied`);
  const left = [...had]
    .filter((vip) => !wanted.has(vip))
    .map((vip) => `${vip} has left the configuration but is applied`);
  if (added.length + left.length > 0) return [...added, ...left];
  const same = JSON.stringify(configuration.desired) === JSON.stringify(applied);
  return same ? [] : ['the configuration has changed since the last apply'];
}

/** Logs what came and what went; returns what is now. */
function report(
  before: readonly string[],
  now: readonly string[],
  kind: 'alarm' | 'note',
  log: (event: RespondEvent) => void,
): readonly string[] {
  for (const text of now) if (!before.includes(text)) log({ kind, text });
  for (const text of before) if (!now.includes(text)) log({ kind: `${kind}-over`, text });
  return now;
}
