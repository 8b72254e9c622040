import type { Judgement } from '../core/judge.ts';
import type { Desired } from '../core/model/desired.ts';
import type { Override } from '../core/model/override.ts';
import { inWords, totals } from '../core/report/report.ts';
import { look, overridesNow } from './look.ts';
import type { Looking } from './ports/host.ts';

export interface Status {
  readonly host: string;
  /** One line. */
  readonly verdict: string;
  /** What was last applied and when; null if nothing ever was. */
  readonly applied: string | null;
  readonly overrides: readonly Override[];
  /** What could not be read, so that nothing is known of it: then `applied` is null and `overrides` empty all the same. */
  readonly unreadable: readonly ('ledger' | 'overrides')[];
  readonly unconfirmed_until: string | null;
  readonly notes: readonly string[];
  readonly judgement: Judgement | null;
}

/** The host at a glance. @param desired null where the configuration cannot be used. */
export function status(host: Looking, desired: Desired | null): Status {
  const { overrides, notes, unknown } = overridesNow(host);
  const reading = host.readLedger();
  const ledger = reading.kind === 'value' ? reading.value : null;
  const judgement = desired === null ? null : look(host, desired, false).judgement;
  const vips = ledger?.applied?.desired.vips.map(({ address }) => address) ?? [];
  const shown = vips.length > 8 ? [...vips.slice(0, 8), `and ${vips.length - 8} more`] : vips;
  const until = ledger?.unconfirmed?.until ?? null;
  return {
    host: host.hostName(),
    verdict: judgement === null ? 'not judged: the configuration cannot be used' : verdictOf(judgement),
    applied: ledger?.applied ? `${shown.join(', ')} at ${ledger.applied.at}` : null,
    overrides,
    unreadable: [
      ...(reading.kind === 'unreadable' ? (['ledger'] as const) : []),
      ...(unknown ? (['overrides'] as const) : []),
    ],
    unconfirmed_until: until,
    notes: [
      ...notes,
      ...(reading.kind === 'unreadable' ? [reading.reason] : []),
      ...(until === null ? [] : [`an apply is taken back at ${until} unless \`rsprep confirm\` is run`]),
      ...(ledger?.intent
        ? [`\`rsprep ${ledger.intent.command}\` (pid ${ledger.intent.pid}) has started and not finished`]
        : []),
    ],
    judgement,
  };
}

function verdictOf(judgement: Judgement): string {
  const { critical, high, advice, unknown } = totals(judgement);
  const said = inWords(judgement);
  if (critical + high + unknown === 0) return advice === 0 ? said : `${said} (${advice} advice)`;
  return `${said}: ${critical} critical, ${high} high, ${unknown} unknown (rsprep verify says what)`;
}
