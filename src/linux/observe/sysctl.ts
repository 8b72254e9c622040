import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ARP_KEYS, forEachArpKey, settingPath } from '../../core/model/arp-settings.ts';
import { type SysctlPath, sysctlText } from '../../core/model/names.ts';
import type { ArpSettings } from '../../core/model/observed.ts';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import { causeOf, errorCode, errorText, isAbsent } from '../files/errors.ts';

const PROC_SYS = '/proc/sys/';
const CONF = '/proc/sys/net/ipv4/conf';

/** An integer sysctl of this network namespace. */
export function readSysctl(path: SysctlPath): Reading<number> {
  const file = PROC_SYS + sysctlText(path);
  try {
    const text = readFileSync(file, 'utf8').trim(); // for any other encoding Node allocates 64 KiB a file
    return /^-?\d+$/.test(text)
      ? value(Number(text))
      : unreadable('corrupt', `${file}: expected a number, received ${JSON.stringify(text.slice(0, 40))}`);
  } catch (error) {
    return isAbsent(error) ? absent : unreadable(causeOf(error), `${file}: ${errorText(error)}`);
  }
}

/** @throws the system's error: ENOENT when the interface vanished, EACCES, EROFS, EINVAL. */
export function writeSysctl(path: SysctlPath, to: number): void {
  writeFileSync(PROC_SYS + sysctlText(path), `${to}\n`);
}

/**
 * The managed keys of `all`, `default` and every interface that has IPv4: what is in /proc, not what another tool lists, so
 * that bridges, bonds and VLANs are judged at the layer the kernel asks. An interface that vanishes is left out.
 */
export function readArpSettings(): Reading<ReadonlyMap<string, ArpSettings>> {
  let names: string[];
  try {
    names = readdirSync(CONF);
  } catch (error) {
    return isAbsent(error) ? absent : unreadable(causeOf(error), `${CONF}: ${errorText(error)}`);
  }
  const settings = new Map<string, ArpSettings>();
  for (const name of names) {
    const unnamed = name.includes(NO_TEXT);
    const of = forEachArpKey((key) => (unnamed ? unnameable : readSysctl(settingPath({ scope: name, key }))));
    if (ARP_KEYS.every((key) => of[key].kind !== 'absent')) settings.set(name, of);
  }
  return value(settings);
}

/** What Node makes of bytes that are no UTF-8. The kernel takes almost any bytes for a name, and such an interface leaks like any other. */
const NO_TEXT = '\ufffd';
const unnameable = unreadable('io', 'the name of that interface is not UTF-8: rename it (ip link set dev … name …)');

/** promote_secondaries of `all` and each interface. */
export function readPromoteSecondaries(): ReadonlyMap<string, boolean> {
  const promotes = new Map<string, boolean>();
  let names: string[];
  try {
    names = readdirSync(CONF);
  } catch (error) {
    // Not knowing counts as not promoting: the caller then refuses what could drag a secondary along.
    if (errorCode(error) === null) throw error;
    return promotes;
  }
  for (const name of names) {
    const reading = readSysctl(['net', 'ipv4', 'conf', name, 'promote_secondaries']);
    promotes.set(name, reading.kind === 'value' && reading.value > 0);
  }
  return promotes;
}
