import { type Changes, type GoneFinding, type OpenFinding, openAfter } from './compare.ts';

/** What a person is told now, and what is then counted as told. */
export interface News {
  readonly fresh: readonly OpenFinding[];
  readonly gone: readonly GoneFinding[];
  /** Still open, told before: shown beside news, and alone when it is time for a reminder. */
  readonly still: readonly OpenFinding[];
  readonly reminder: boolean;
  /** False: nothing is printed, and cron sends nothing. */
  readonly worthTelling: boolean;
}

export interface NewsContext {
  /** Gone findings of earlier runs that were killed before they could tell. */
  readonly goneUntold: readonly GoneFinding[];
  /** On a held host only a new leak is told: the operator knows about the rest. */
  readonly held: boolean;
  /** When something was last told, ISO 8601, UTC; null for never. */
  readonly toldAt: string | null;
  readonly remindMs: number;
  readonly nowMs: number;
}

/** Decides what is told: what nobody has been told yet, what is gone after it was told, and a reminder while it lasts. */
export function newsOf(changes: Changes, context: NewsContext): News {
  const open = openAfter(changes);
  const mayTell = (finding: OpenFinding): boolean => !context.held || isLeak(finding);
  const fresh = open.filter((finding) => !finding.told && mayTell(finding));
  const gone = [...context.goneUntold, ...changes.gone.filter(({ told }) => told)];
  const still = open.filter(({ told }) => told);
  const due =
    context.toldAt !== null &&
    isDue(context.nowMs - Date.parse(context.toldAt), context.remindMs) &&
    context.remindMs > 0;
  const reminder = due && !context.held && still.some(nags);
  return { fresh, gone, still, reminder, worthTelling: reminder || fresh.length + gone.length > 0 };
}

/** What is open, marked as told where it was among the news. */
export function markTold(changes: Changes, news: News): readonly OpenFinding[] {
  const told = new Set(news.fresh.map(({ id }) => id));
  return openAfter(changes).map((finding) => (told.has(finding.id) ? { ...finding, told: true } : finding));
}

const isLeak = ({ kind, severity }: OpenFinding): boolean => kind === 'wrong' && severity === 'critical';

/** Advice is said once. */
const nags = ({ severity }: OpenFinding): boolean => severity !== 'advice';

/** A time that lies ahead, or is none, was written while the clock was wrong. */
const isDue = (agoMs: number, remindMs: number): boolean => !(agoMs >= 0 && agoMs < remindMs);
