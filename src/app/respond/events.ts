import type { SubjectVerdict } from '../../udp/vouch.ts';

/** What is worth a line in the log. One for all that changed alike: a host may have a thousand VIPs. */
export type RespondEvent =
  | {
      readonly kind: 'verdict';
      /** At least one. */
      readonly names: readonly string[];
      readonly from: string;
      /** Of the first. */
      readonly now: SubjectVerdict;
    }
  | { readonly kind: 'alarm' | 'alarm-over' | 'note' | 'note-over'; readonly texts: readonly string[] };

/** What became of each verdict that is another than before, by what it was and what it is. */
export function verdictEvents(
  before: ReadonlyMap<string, SubjectVerdict>,
  next: ReadonlyMap<string, SubjectVerdict>,
): readonly RespondEvent[] {
  const groups = new Map<string, { names: string[]; from: string; now: SubjectVerdict }>();
  for (const [name, now] of next) {
    const from = before.get(name)?.verdict ?? 'nothing';
    if (from === now.verdict) continue;
    const group = groups.get(`${from} ${now.verdict}`);
    if (group) group.names.push(name);
    else groups.set(`${from} ${now.verdict}`, { names: [name], from, now });
  }
  return [...groups.values()].map((group) => ({ kind: 'verdict', ...group }));
}

/** What came and what went. */
export function comings(
  before: readonly string[],
  now: readonly string[],
  kind: 'alarm' | 'note',
): readonly RespondEvent[] {
  const [old, current] = [new Set(before), new Set(now)];
  const came: RespondEvent = { kind, texts: [...current].filter((text) => !old.has(text)) };
  const went: RespondEvent = { kind: `${kind}-over`, texts: [...old].filter((text) => !current.has(text)) };
  return [came, went].filter(({ texts }) => texts.length > 0);
}
