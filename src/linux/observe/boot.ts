import { readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isIpv6, kernelIp } from '../../core/model/names.ts';
import { type Reading, value } from '../../core/model/reading.ts';
import type { BootUnit, Surroundings } from '../../core/model/surroundings.ts';
import { errorCode } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { firstPresent, presence } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';
import { CHILD_ENV } from '../process/command.ts';

/** Whether keepalived is running here, or will be after the next boot. */
export function observeKeepalived(paths: Paths): Surroundings['keepalived'] {
  const text = readText(paths.at('/run/keepalived.pid'));
  const pid = text.kind === 'value' ? /^\s*(\d{1,10})\s*$/.exec(text.value)?.[1] : undefined;
  if (pid !== undefined && presence(`/proc/${pid}/stat`).kind === 'value') return value('runs');
  const starts = ['/etc/systemd/system/multi-user.target.wants/keepalived.service', '/etc/rc2.d/S01keepalived'];
  const found = starts.map((path) => presence(paths.linkAt(path)));
  if (found.some(({ kind }) => kind === 'value')) return value('starts at boot');
  return [text, ...found].find((reading) => reading.kind === 'unreadable') ?? value('idle');
}

const UNIT = 'rsprep-apply.service';
const UNIT_FOLDERS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/** The unit that puts the VIPs back at boot; absent on a host that systemd does not boot. */
export function observeBootUnit(paths: Paths): Reading<BootUnit> {
  const systemd = firstPresent(paths, ['/etc/systemd/system', '/run/systemd/system']);
  if (systemd.kind !== 'value') return systemd;
  const found = firstPresent(
    paths,
    UNIT_FOLDERS.map((folder) => `${folder}/${UNIT}`),
  );
  if (found.kind === 'unreadable') return found;
  if (found.kind === 'absent')
    return value({ state: 'not-installed', path: `/etc/systemd/system/${UNIT}`, missing: [] });
  const path = found.value;
  if (leadsTo(paths.linkAt(path)) === '/dev/null') return value({ state: 'masked', path, missing: [] });
  const links = UNIT_FOLDERS.map((folder) => presence(paths.linkAt(`${folder}/multi-user.target.wants/${UNIT}`)));
  const wanted = links.some(({ kind }) => kind === 'value');
  const hidden = links.find((link) => link.kind === 'unreadable');
  if (!wanted && hidden) return hidden;
  const text = readText(paths.at(path));
  const missing = wanted && text.kind === 'value' ? missingPrograms(paths, text.value) : [];
  return value({ state: wanted ? 'enabled' : 'disabled', path, missing });
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

/** What cannot be looked for is not said to be missing. */
const there = (paths: Paths, file: string): boolean => presence(paths.at(file)).kind !== 'absent';
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
