import type { Judgement } from '../judge.ts';
import type { Cause, Finding, Severity } from '../model/finding.ts';

/** A finding as it is remembered from one run to the next. */
export interface OpenFinding {
  readonly id: string;
  readonly check: string;
  readonly severity: Severity;
  readonly kind: Finding['kind'];
  /** null for what could not be looked at. */
  readonly cause: Cause | null;
  /** What was seen, or why nothing was. */
  readonly seen: string;
  /** When it was first found, ISO 8601, UTC. */
  readonly since: string;
  /** Somebody has been told. */
  readonly told: boolean;
}

export interface GoneFinding extends OpenFinding {
  /** `fixed`: looked at, and right · `ignored`: still there, but the configuration ignores it now. */
  readonly because: 'fixed' | 'ignored';
}

/** What a run found, compared with what the runs before it left open. */
export interface Changes {
  readonly new: readonly OpenFinding[];
  /** Still there, and otherwise: another severity or cause. */
  readonly changed: readonly OpenFinding[];
  readonly gone: readonly GoneFinding[];
  /** As before. */
  readonly open: readonly OpenFinding[];
  /** Open, and not looked at in this run: never gone for that. */
  readonly unseen: readonly OpenFinding[];
}

/** What a run saw. */
export interface Seen {
  readonly judgement: Judgement;
  /** Why the run saw nothing at all: the configuration cannot be read, say. Becomes a finding of its own. */
  readonly failure: { readonly kind: string; readonly message: string } | null;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** Id of the finding a failed run is remembered as. */
export const RUN_FAILED = 'run-failed';

/**
 * The one comparison of two runs. Unknown is never "gone": a finding counts as fixed only where its check did look and
 * said nothing any more.
 */
export function compare(before: readonly OpenFinding[], seen: Seen): Changes {
  const now = presentFindings(seen);
  const known = new Map(before.map((finding) => [finding.id, finding]));
  const fresh = [...now.values()].filter(({ id }) => !known.has(id));
  const changes = {
    new: fresh,
    changed: [] as OpenFinding[],
    gone: [] as GoneFinding[],
    open: [] as OpenFinding[],
    unseen: [] as OpenFinding[],
  };
  const look = whatWasLookedAt(seen);
  for (const earlier of before) {
    const present = now.get(earlier.id);
    if (present?.kind === 'unknown' && earlier.kind === 'wrong') changes.unseen.push(earlier);
    else if (present && differs(earlier, present))
      changes.changed.push({ ...present, since: earlier.since, told: false });
    else if (present) changes.open.push({ ...present, since: earlier.since, told: earlier.told });
    else if (look.folded(earlier.id)) changes.open.push(earlier);
    else if (look.blind(earlier)) changes.unseen.push(earlier);
    else changes.gone.push({ ...earlier, because: look.ignored(earlier.id) ? 'ignored' : 'fixed' });
  }
  return changes;
}

/** What is left open after a run. */
export const openAfter = ({ new: fresh, changed, open, unseen }: Changes): readonly OpenFinding[] => [
  ...fresh,
  ...changed,
  ...open,
  ...unseen,
];

export const nothingChanged = ({ new: fresh, changed, gone }: Changes): boolean =>
  fresh.length + changed.length + gone.length === 0;

function presentFindings({ judgement, failure, at }: Seen): ReadonlyMap<string, OpenFinding> {
  const present = new Map<string, OpenFinding>();
  for (const finding of judgement.findings) {
    // What this user may not see is no news: it says nothing about the host.
    if (finding.kind === 'unknown' && finding.forLackOfPrivilege) continue;
    const { id, check, severity, kind } = finding;
    const cause = finding.kind === 'wrong' ? finding.cause : null;
    const text = finding.kind === 'wrong' ? finding.seen : finding.reason;
    present.set(id, { id, check, severity, kind, cause, seen: text, since: at, told: false });
  }
  if (failure) {
    const base = { id: RUN_FAILED, check: RUN_FAILED, severity: 'high', kind: 'unknown', cause: null } as const;
    present.set(RUN_FAILED, { ...base, seen: failure.message, since: at, told: false });
  }
  return present;
}

function whatWasLookedAt({ judgement, failure }: Seen): {
  readonly folded: (id: string) => boolean;
  readonly ignored: (id: string) => boolean;
  readonly blind: (finding: OpenFinding) => boolean;
} {
  const unfolded = new Set(judgement.unfolded.map(({ id }) => id));
  const ignored = new Set(judgement.ignored.map(({ finding }) => finding.id));
  const unknowns = judgement.unfolded.filter(({ kind }) => kind === 'unknown');
  return {
    folded: (id) => unfolded.has(id),
    ignored: (id) => ignored.has(id),
    blind: ({ id, check }) =>
      (failure !== null && id !== RUN_FAILED) ||
      unknowns.some((unknown) => unknown.id === id || (unknown.check === check && coversAll(unknown.subject))),
  };
}

/** The text of what is seen may count down or flutter: it alone is no news. */
const differs = (a: OpenFinding, b: OpenFinding): boolean =>
  a.severity !== b.severity || a.cause !== b.cause || a.kind !== b.kind;

/** A check that could look at nothing at all says so without a subject, or for `all` interfaces. */
const coversAll = (subject: string | null): boolean => subject === null || subject === 'all';
