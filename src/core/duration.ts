const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `1s`, `1.5s`, `5m`, `24h`, `7d` in milliseconds; null for anything else, a number without a unit included. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) return null;
  const ms = Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? Number.NaN);
  return Number.isFinite(ms) && ms <= 3_660 * 86_400_000 ? Math.round(ms) : null;
}

/** The shortest exact form: `90000` is `90s`, `86400000` is `1d`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = UNITS_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0 && (unit !== 'm' || ms >= 2 * size)) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
