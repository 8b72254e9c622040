import type { BootMoment } from '../../core/model/boot-clock.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { readText } from '../files/files.ts';

/** Another after every boot (random(4)). */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Seconds of CLOCK_BOOTTIME with two decimals (proc(5), fs/proc/uptime.c). Node has no other way to it. */
const UPTIME = '/proc/uptime';

/** Unreadable where either cannot be read: not another boot, and not the same. */
export function bootClock(): Reading<BootMoment> {
  const id = readText(BOOT_ID);
  if (id.kind !== 'value') return id.kind === 'absent' ? unreadable('io', `${BOOT_ID}: there is no such file`) : id;
  const uptime = readText(UPTIME);
  if (uptime.kind !== 'value')
    return uptime.kind === 'absent' ? unreadable('io', `${UPTIME}: there is no such file`) : uptime;
  const bootId = id.value.trim();
  const seconds = /^\d+\.\d+/.exec(uptime.value)?.[0];
  if (bootId === '' || seconds === undefined)
    return unreadable('io', `${bootId === '' ? BOOT_ID : UPTIME}: it does not say what the kernel writes there`);
  return value({ bootId, ms: Math.round(Number(seconds) * 1000) });
}
