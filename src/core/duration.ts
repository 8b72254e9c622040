/**
 * The one grammar of durations, for the configuration and for options alike: a whole number with one unit, such as `500ms`, `1s`, `5m`,
 * `24h` or `7d`. A bare number is refused: it is seconds to one reader and milliseconds to the next.
 */
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;

/** Bounds of a duration in milliseconds, both included. */
export interface DurationLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Phrases: no capital first, no full stop last. */
export type ParsedDuration =
  | { readonly kind: 'ok'; readonly value: number }
  | { readonly kind: 'problem'; readonly message: string; readonly expected: string; readonly hint: string };

/** @returns milliseconds */
export function parseDuration(text: string, limits: DurationLimits): ParsedDuration {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return notADuration(text, limits);
  const value = Number(match[1]) * UNITS[match[2] as Unit];
  const { minMs, maxMs } = limits;
  const problem = (message: string, hint: string): ParsedDuration => refused(message, limits, hint);
  if (value < minMs) return problem('too short', `write ${formatDuration(minMs)} or more`);
  if (value > maxMs) return problem('too long', `write ${formatDuration(maxMs)} or less`);
  return { kind: 'ok', value };
}

const refused = (message: string, limits: DurationLimits, hint: string): ParsedDuration => ({
  kind: 'problem',
  message,
  expected: rangeText(limits),
  hint,
});

/** The duration in its largest unit that divides it: 90_000 is `90s`, 0 is `0s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (durationMs % UNITS[unit] === 0) return `${durationMs / UNITS[unit]}${unit}`;
  }
  return `${durationMs}ms`;
}

export const rangeText = ({ minMs, maxMs }: DurationLimits): string =>
  `a duration of ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;

/** What a bare number may have meant: only what the limits allow. */
export function giveTheUnit(count: number, { minMs, maxMs }: DurationLimits): string {
  const units = Object.entries(UNITS).filter(([, ms]) => count * ms >= minMs && count * ms <= maxMs);
  const texts = units.map(([unit]) => `${count}${unit}`);
  return texts.length === 0 ? 'give the unit, such as 5s or 2m' : `give the unit: ${texts.join(' or ')}`;
}

const UNIT_WORDS: Readonly<Record<string, Unit>> = {
  ...{
    msec: 'ms',
    millis: 'ms',
    milliseconds: 'ms',
    sec: 's',
    secs: 's',
    second: 's',
    seconds: 's',
    min: 'm',
    mins: 'm',
  },
  ...{ minute: 'm', minutes: 'm', hour: 'h', hours: 'h', hr: 'h', day: 'd', days: 'd' },
};

function notADuration(text: string, limits: DurationLimits): ParsedDuration {
  const say = (message: string, hint: string): ParsedDuration => refused(message, limits, hint);
  if (/^\d+$/.test(text)) return say('a duration without a unit', giveTheUnit(Number(text), limits));
  const spelt = /^(\d+)\s*([A-Za-z]+)$/.exec(text);
  if (spelt !== null) {
    const [, digits = '', word = ''] = spelt;
    const lower = word.toLowerCase();
    const unit = Object.hasOwn(UNIT_WORDS, lower) ? UNIT_WORDS[lower] : Object.hasOwn(UNITS, lower) ? lower : undefined;
    if (digits.length > 9) return say('too long', `write ${formatDuration(limits.maxMs)} or less`);
    if (unit !== undefined) return say('not written as a duration', `write ${digits}${unit}`);
    return say(`an unknown unit "${word.slice(0, 20)}"`, 'use ms, s, m, h or d');
  }
  if (/^\d*[.,]\d+[a-z]+$/.test(text)) return say('a fraction', 'use a smaller unit, such as 1500ms for 1.5s');
  if (/^(\d+(ms|s|m|h|d))+$/.test(text))
    return say('more than one unit', 'use the smaller unit alone, such as 90m for 1h30m');
  if (/^-/.test(text)) return say('a negative duration', 'write a whole number and ms, s, m, h or d');
  return say('not a duration', 'write a whole number and ms, s, m, h or d');
}
