import { existsSync, readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isIpv6, kernelIp } from '../../core/model/names.ts';
import type { BootUnit, Surroundings } from '../../core/model/surroundings.ts';
import { errorCode } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { exists } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';
import { CHILD_ENV } from '../process/command.ts';

/** Whether keepalived is running here, or will be after the next boot. */
export function observeKeepalived(paths: Paths): Surroundings['keepalived'] {
  const pid = readText(paths.at('/run/keepalived.pid'));
  if (pid.kind === 'value' && exists(`/proc/${pid.value.trim()}/stat`)) return 'runs';
  const starts = ['/etc/systemd/system/multi-user.target.wants/keepalived.service', '/etc/rc2.d/S01keepalived'];
  return starts.some((path) => exists(paths.at(path))) ? 'starts at boot' : 'idle';
}

const UNIT = 'rsprep-apply.service';
const UNIT_FOLDERS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** The unit that puts the VIPs back at boot; null on a host that systemd does not boot. */
export function observeBootUnit(paths: Paths): BootUnit | null {
  if (!exists(paths.at('/run/systemd/system')) && !exists(paths.at('/etc/systemd/system'))) return null;
  const path = UNIT_FOLDERS.map((folder) => `${folder}/${UNIT}`).find((candidate) => exists(paths.at(candidate)));
  if (path === undefined) return { state: 'not-installed', path: `/etc/systemd/system/${UNIT}`, missing: [] };
  if (leadsTo(paths.at(path)) === '/dev/null') return { state: 'masked', path, missing: [] };
  const wanted = UNIT_FOLDERS.some((folder) => exists(paths.at(`${folder}/multi-user.target.wants/${UNIT}`)));
  const text = readText(paths.at(path));
  const missing = wanted && text.kind === 'value' ? missingPrograms(paths, text.value) : [];
  return { state: wanted ? 'enabled' : 'disabled', path, missing };
}

function leadsTo(path: string): string | null {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null; // no link
  }
}

/** Of the first command of ExecStart: the program, the script it is given, and the interpreter the script asks for. */
function missingPrograms(paths: Paths, unit: string): readonly string[] {
  const command = /^ExecStart=[-@:+!|]*(.+)$/m.exec(unit)?.[1] ?? '';
  const named = command
    .split(/\s+/)
    .slice(0, 2)
    .filter((word) => word.startsWith('/'));
  const asked = named.flatMap((file) => interpreterOf(paths, file));
  return [...new Set([...named, ...asked])].filter((file) =>
    file.startsWith('/') ? !there(paths, file) : !onPath(paths, file),
  );
}

function interpreterOf(paths: Paths, file: string): readonly string[] {
  const text = there(paths, file) ? readText(paths.at(file)) : null;
  const line = text?.kind === 'value' ? /^#!\s*(\S+)(?:\s+(\S+))?/.exec(text.value.slice(0, 200)) : null;
  if (!line?.[1]) return [];
  return line[1].endsWith('/env') && line[2] ? [line[1], line[2]] : [line[1]];
}

const there = (paths: Paths, file: string): boolean => existsSync(paths.at(file)) || exists(paths.at(file));
const onPath = (paths: Paths, name: string): boolean =>
  (CHILD_ENV.PATH ?? '').split(':').some((folder) => there(paths, `${folder}/${name}`));

/** resolv.conf(5). */
export function observeResolvers(paths: Paths): Surroundings['resolvers'] {
  const text = readText(paths.at('/etc/resolv.conf'));
  if (text.kind !== 'value') return [];
  return [...text.value.matchAll(/^\s*nameserver\s+([0-9a-fA-F.:]+)/gm)].map(([, ip = '']) =>
    kernelIp(isIpv6(kernelIp(ip)) ? ip.toLowerCase() : ip),
  );
}
