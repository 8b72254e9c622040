import { escapeText } from '../../core/escape.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Answer } from '../../udp/answer.ts';
import { BAD_IN_ROW, type Standing, type SubjectVerdict } from '../../udp/vouch.ts';
import type { ConfigurationNow } from '../ports/respond.ts';
import type { NamedSubject } from './vouching.ts';

const asAlarm = (text: string): string => `alarm: ${text}`;

export function toAnswer(
  subject: NamedSubject['subject'],
  now: SubjectVerdict | undefined,
  alarms: readonly string[],
  notes: readonly string[],
): Answer {
  const { verdict, speaks, reason } = now ?? {
    verdict: 'cannot-tell' as const,
    speaks: false,
    reason: 'not yet observed',
  };
  const first = reason === '' ? 'as last applied' : reason;
  // Whoever asks may show it as it is: in it are names of processes, and what operators typed.
  return { subject, verdict, speaks, text: escapeText([first, ...alarms.map(asAlarm), ...notes].join('; ')) };
}

/**
 * A look that failed keeps the last verdict for a while, but not against what the kernel still shows: a VIP on no interface that is up
 * cannot be served, whatever nobody could look at besides.
 * @param shown the addresses of interfaces that are up
 */
export function unlessGone(
  standing: Standing,
  { subject }: NamedSubject,
  applied: Desired,
  shown: ReadonlySet<string>,
): Standing {
  if (standing.unknownSinceMs === null) return standing;
  const vips = subject.vip === undefined ? applied.vips.map(({ address }): string => address) : [subject.vip];
  const gone = vips.filter((vip) => !shown.has(vip));
  if (gone.length === 0) return standing;
  const reason = `no interface that is up has ${gone.slice(0, 3).join(', ')}${gone.length > 3 ? ' …' : ''}; ${standing.reason}`;
  return { verdict: 'unfit', badInRow: BAD_IN_ROW, unknownSinceMs: null, reason };
}

/** The file someone edits is not what is vouched for: only what it says differently is worth knowing. */
export function configurationNotes(configuration: ConfigurationNow, applied: Desired | null): readonly string[] {
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
