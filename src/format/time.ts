/** Two units at most: `45s`, `12m`, `2h 5m`, `3d 4h`. For people; exact forms are in core/duration.ts. */
export function roughly(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const [hours, restMinutes] = [Math.floor(minutes / 60), minutes % 60];
  if (hours < 48) return restMinutes === 0 ? `${hours}h` : `${hours}h ${restMinutes}m`;
  const [days, restHours] = [Math.floor(hours / 24), hours % 24];
  return restHours === 0 ? `${days}d` : `${days}d ${restHours}h`;
}

/** `2026-11-22 21:23:22Z`: sorts, and says that it is UTC. */
export const clock = (iso: string): string => iso.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z');
