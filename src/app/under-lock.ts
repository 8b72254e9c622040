import type { Report } from '../core/report/report.ts';
import type { Changing } from './ports/host.ts';

/** Runs what changes the host under the one lock, and says who holds it where it is busy (exit 75). */
export async function underLock(
  host: Changing,
  base: Report,
  lockTimeoutMs: number,
  work: (lockFd: number) => Promise<Report>,
): Promise<Report> {
  const startedMs = host.monotonicMs();
  const finish = (report: Report): Report => ({ ...report, durationMs: host.monotonicMs() - startedMs });
  const lock = await host.lock(lockTimeoutMs, base.command);
  if (lock.kind === 'failed') return finish({ ...base, ending: 'failed', failure: lock.failure });
  if (lock.kind === 'busy') {
    const message = `${lock.by} holds the lock, so this ${base.command} changed nothing`;
    const next = 'wait for it to end, or use --lock-timeout 30s';
    return finish({ ...base, ending: 'failed', failure: { kind: 'locked', message, next } });
  }
  try {
    return finish(await work(lock.fd));
  } finally {
    lock.release();
  }
}
