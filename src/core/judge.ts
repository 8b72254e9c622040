import { CHECKS } from './checks/registry.ts';
import { cannotTell } from './checks/unreadable.ts';
import { placesOf } from './model/addresses.ts';
import { type Check, type CheckContext, ledgerOf } from './model/check.ts';
import { derived } from './model/derived.ts';
import type { IgnoreRule } from './model/desired.ts';
import { type Cause, type Finding, findingId, SEVERITIES, type Verdict, type Wrong } from './model/finding.ts';
import { globToRegExp } from './model/glob.ts';
import type { Observed } from './model/observed.ts';
import type { Unreadable } from './model/reading.ts';

export interface Judgement {
  /** Root causes, worst first, with their consequences folded in. */
  readonly findings: readonly Finding[];
  /** The same before folding: what a plan is made from. */
  readonly unfolded: readonly Finding[];
  /** Set aside by `ignore:`. */
  readonly ignored: readonly { readonly finding: Finding; readonly rule: IgnoreRule }[];
}

/**
 * Runs every check on one observation. The only comparator there is: verify, plan, apply, report and responder all call it.
 * @param today ISO date (UTC), for `ignore:` entries that expire.
 */
export function judge(context: CheckContext, today: string, checks: readonly Check[] = CHECKS): Judgement {
  const all = checks.flatMap((check) =>
    [...unseen(check, context), ...check.run(context, today)].map((verdict) => toFinding(check, verdict, context)),
  );
  const { kept, ignored } = setAside(all, context.desired.ignore, today);
  return { findings: sortFindings(fold(kept)), unfolded: kept, ignored };
}

function unseen({ needs, severity }: Check, { observed }: CheckContext): readonly Verdict[] {
  if (needs === undefined) return [];
  const routing = needs.routing && observed.routing?.kind === 'unreadable' ? [observed.routing] : [];
  const knobs = unreadableKnobs(observed).flatMap(([path, reading]) => (needs.knobs?.test(path) ? [reading] : []));
  const [reading] = [...routing, ...knobs];
  if (!reading) return [];
  const wouldHelp = 'readable /proc/net and /proc/sys/net, and `ip` that answers';
  return [cannotTell(reading, { subject: null, severity, wouldHelp })];
}

const unreadableKnobs = derived(({ knobs }: Observed): readonly (readonly [string, Unreadable])[] =>
  [...knobs].flatMap(([path, reading]) => (reading.kind === 'unreadable' ? [[path, reading] as const] : [])),
);

function toFinding(check: Check, verdict: Verdict, context: CheckContext): Finding {
  const base = { id: findingId(check.id, verdict.subject), check: check.id };
  if (verdict.kind === 'unknown') return { ...verdict, ...base };
  return { ...verdict, ...base, cause: causeOf(verdict, context), consequences: [] };
}

/**
 * pending as long as the last apply did not ask for it; persisted for what only the next boot would show; else drift.
 * A host that leaks right now is never merely pending, whether or not rsprep was ever run on it.
 */
function causeOf(verdict: Omit<Wrong, 'id' | 'check' | 'cause' | 'consequences'>, context: CheckContext): Cause {
  const applied = ledgerOf(context)?.applied?.desired;
  const { demand } = verdict;
  const leaks = verdict.severity === 'critical' && demand.kind !== 'persist';
  if (!applied) return leaks && holdsAnyVip(context) ? 'drift' : 'pending';
  if (demand.kind === 'vip')
    return applied.vips.some(({ address }) => address === demand.ip) ? stale(verdict) : 'pending';
  if (demand.kind === 'configuration') return 'pending';
  if (demand.kind === 'persist') return applied.persist ? 'persisted' : 'pending';
  return 'drift';
}

const holdsAnyVip = ({ observed, desired }: CheckContext): boolean => {
  const { links } = observed;
  return links.kind === 'value' && desired.vips.some((vip) => placesOf(links.value, vip.address).length > 0);
};

/** A VIP that left the configuration was wanted by the last apply: the configuration is what changed. */
const stale = (verdict: { needs: Wrong['needs'] }): Cause => (verdict.needs === 'prune' ? 'pending' : 'drift');

/**
 * Consequences go under their root cause, where that root is itself a finding and at least as severe: nothing critical is hidden
 * behind advice, nor behind what could not be looked at.
 */
function fold(findings: readonly Finding[]): readonly Finding[] {
  const byId = new Map(findings.map((finding) => [finding.id, finding]));
  const parent = new Map<string, string>();
  for (const finding of findings) {
    const root = finding.kind === 'wrong' && finding.rootedIn !== null ? byId.get(finding.rootedIn) : undefined;
    if (root?.kind === 'wrong' && root !== finding && rank(root) <= rank(finding)) parent.set(finding.id, root.id);
  }
  const folded = new Map<string, { id: string; seen: string }[]>();
  for (const finding of findings) {
    const root = rootOf(parent, finding.id);
    if (finding.kind === 'unknown' || root === finding.id) continue;
    const consequences = folded.get(root) ?? [];
    consequences.push({ id: finding.id, seen: finding.seen });
    folded.set(root, consequences);
  }
  return findings
    .filter(({ id }) => !parent.has(id))
    .map((finding) =>
      finding.kind === 'wrong' ? { ...finding, consequences: folded.get(finding.id) ?? [] } : finding,
    );
}

/** Follows causes up: a missing ledger entry's cause is a missing VIP, whose cause is a device that is down. */
function rootOf(parent: ReadonlyMap<string, string>, id: string): string {
  let at = id;
  for (let next = parent.get(at), depth = 0; next !== undefined && depth < 8; next = parent.get(at), depth += 1)
    at = next;
  return at;
}

const rank = ({ severity }: Finding): number => SEVERITIES.indexOf(severity);
const sortFindings = (findings: readonly Finding[]): readonly Finding[] =>
  findings.toSorted((a, b) => rank(a) - rank(b));

function setAside(
  findings: readonly Finding[],
  rules: readonly IgnoreRule[],
  today: string,
): { kept: readonly Finding[]; ignored: Judgement['ignored'] } {
  const active = rules.filter((rule) => rule.until === null || rule.until >= today);
  const matchers = active.map((rule) => ({ rule, pattern: globToRegExp(rule.id, { slash: true }) }));
  const kept: Finding[] = [];
  const ignored: { finding: Finding; rule: IgnoreRule }[] = [];
  for (const finding of findings) {
    const match = matchers.find(({ pattern }) => pattern.test(finding.id));
    if (match) ignored.push({ finding, rule: match.rule });
    else kept.push(finding);
  }
  return { kept, ignored };
}
