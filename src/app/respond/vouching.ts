import { checkNamed } from '../../core/checks/registry.ts';
import type { Judgement } from '../../core/judge.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Finding, Wrong } from '../../core/model/finding.ts';
import type { Subject } from '../../udp/protocol.ts';
import type { Look } from '../../udp/vouch.ts';

/** Something the responder is asked about, with the name it has in logs. */
export interface NamedSubject {
  readonly name: string;
  readonly subject: Subject;
}

/** The host, then each VIP, then each service of a VIP. */
export function subjectsOf(desired: Desired): readonly NamedSubject[] {
  return [
    { name: 'host', subject: {} },
    ...desired.vips.flatMap(({ address, services }) => [
      { name: address, subject: { vip: address } },
      ...services.map(({ protocol, port }) => ({
        name: `${address} ${protocol}/${port}`,
        subject: { vip: address, service: { protocol, port } },
      })),
    ]),
  ];
}

/** What a judgement means for each subject. Findings that only alarm mean nothing here. */
export function looksOf(judgement: Judgement, subjects: readonly NamedSubject[]): ReadonlyMap<string, Look> {
  const silencing = judgement.unfolded.filter((f): f is Wrong => f.kind === 'wrong' && f.vouch === 'silence');
  const blind = judgement.unfolded.find(isBlind);
  return new Map(subjects.map(({ name, subject }) => [name, lookAt(subject, silencing, blind)]));
}

/** What could not be observed at all, for every subject. */
export const blindLooks = (subjects: readonly NamedSubject[], reason: string): ReadonlyMap<string, Look> =>
  new Map(subjects.map(({ name }) => [name, { judged: 'unknown', reason }]));

/** Findings that do not silence but that somebody should know of, in a line each. */
export const alarmsOf = (judgement: Judgement): readonly string[] =>
  judgement.findings.flatMap((finding) =>
    finding.kind === 'wrong' && finding.vouch === 'alarm' && finding.severity !== 'advice'
      ? [`${finding.id}: ${finding.seen}`]
      : [],
  );

function lookAt(subject: Subject, silencing: readonly Wrong[], blind: Finding | undefined): Look {
  const found = silencing.filter((finding) => affects(finding, subject));
  if (found.length > 0) {
    return { judged: 'unfit', reason: found.map(({ id, seen }) => `${id}: ${seen}`).join('; ') };
  }
  if (blind?.kind === 'unknown') return { judged: 'unknown', reason: `${blind.id}: ${blind.reason}` };
  return { judged: 'fit', reason: '' };
}

/** A finding without VIPs is the whole host's. One that names a service is that service's, its VIP's and the host's. */
function affects(finding: Wrong, { vip, service }: Subject): boolean {
  if (vip === undefined || finding.vips.length === 0) return true;
  if (!finding.vips.some((ip) => ip === vip)) return false;
  const of = finding.service;
  return service === undefined || of === null || (of.protocol === service.protocol && of.port === service.port);
}

/**
 * Only what a check could not look at that can find that this host cannot serve: a firewall that cannot be listed says nothing
 * about whether the VIP is there.
 */
const isBlind = (finding: Finding): boolean =>
  finding.kind === 'unknown' && !finding.forLackOfPrivilege && checkNamed(finding.check)?.silences === true;
