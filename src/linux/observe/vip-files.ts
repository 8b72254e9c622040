import { lstatSync, statSync } from 'node:fs';
import type { Desired } from '../../core/model/desired.ts';
import type { FoundFile } from '../../core/model/surroundings.ts';
import { namesAny } from '../../core/network/vip-files.ts';
import { isAbsent } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { namesIn, namesOrNone } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';

/** Folders and files in which something else than rsprep could say that this host has an address, and what to read there. */
const PLACES: readonly (readonly [folder: string, names: RegExp])[] = [
  ['/etc/network', /^interfaces$/],
  ['/etc/network/interfaces.d', /^[\w.-]+$/],
  ['/etc/netplan', /\.ya?ml$/],
  ['/etc/systemd/network', /\.network$/],
  ['/etc/NetworkManager/system-connections', /\.nmconnection$/],
  ['/etc/sysconfig/network-scripts', /^ifcfg-/],
  ['/etc/sysconfig/network', /^ifcfg-/],
  ['/etc', /^(rc\.local|crontab)$/],
  ['/etc/rc.d', /^rc\.local$/],
  ['/etc/init.d', /lvs|real.?server/i],
  ['/etc/cron.d', /^[\w-]+$/], // cron(8): no other names
  ['/etc/dsr.d', /\.conf$/],
  ['/etc/keepalived', /\.conf$/],
  ['/etc/keepalived/conf.d', /\.conf$/],
];

const RC_LOCAL = /\/rc\.local$/;
/** Much of these is for root alone to read, and no concern of ours: what cannot be read there is passed over. */
const UNIT_OR_CRON = /^\/etc\/(crontab|cron\.d\/.*|systemd\/system\/.+)$/;

/** Those that name a configured VIP, and those that could not be read; of rc.local, units and cron the scripts they start as well. */
export function observeVipFiles(paths: Paths, desired: Desired): readonly FoundFile[] {
  const vips = desired.vips.map(({ address }) => address);
  const fileAt = (path: string): FoundFile => ({ path, content: readText(paths.at(path)) });
  const places = PLACES.flatMap(([folder, wanted]): readonly FoundFile[] => {
    const names = namesIn(paths.at(folder));
    if (names.kind === 'unreadable') return [{ path: `${folder}/`, content: names }];
    return names.kind === 'absent'
      ? []
      : names.value.flatMap((name) => (wanted.test(name) ? [fileAt(`${folder}/${name}`)] : []));
  });
  const listed = [...places, ...enabledUnits(paths).map(fileAt)].filter(
    (file) => isReadable(file) || !UNIT_OR_CRON.test(file.path),
  );
  const started = listed.flatMap((file) => {
    if (RC_LOCAL.test(file.path)) return startedBy(paths, file);
    return UNIT_OR_CRON.test(file.path) ? startedBy(paths, file).filter(isReadable) : [];
  });
  const known = new Set(listed.map(({ path }) => path));
  return [...listed, ...started.filter(({ path }) => !known.has(path))].filter(
    ({ content }) => content.kind === 'unreadable' || (content.kind === 'value' && namesAny(content.value, vips)),
  );
}

const isReadable = ({ content }: FoundFile): boolean => content.kind === 'value';

const SYSTEM_UNITS = '/etc/systemd/system';
const OUR_OWN_OR_KNOWN = /^(rsprep-.*|keepalived)\.service$/;

/** Services that somebody wrote for this host and enabled: those of packages are elsewhere, and what they configure is in its own file. */
function enabledUnits(paths: Paths): readonly string[] {
  const names = namesOrNone(paths.at(SYSTEM_UNITS));
  const wanted = names
    .filter((name) => /\.(wants|requires)$/.test(name))
    .flatMap((folder) => namesOrNone(paths.at(`${SYSTEM_UNITS}/${folder}`)));
  const enabled = new Set(wanted.filter((name) => name.endsWith('.service') && !OUR_OWN_OR_KNOWN.test(name)));
  return names
    .filter((name) => enabled.has(name))
    .map((name) => `${SYSTEM_UNITS}/${name}`)
    .filter((path) => isOwnFile(paths.linkAt(path)));
}

/** No link to /dev/null or to a package; also what cannot be looked at: reading it then says why. */
function isOwnFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch (error) {
    return !isAbsent(error);
  }
}

/** A script is small; anything larger is a program. */
const LARGEST_SCRIPT_BYTES = 128 * 1024;

/** The scripts that a script names by their absolute path: lvs_rs.sh has the VIP, rc.local only starts it. */
function startedBy(paths: Paths, { path, content }: FoundFile): readonly FoundFile[] {
  if (content.kind !== 'value') return [];
  const lines = content.value.split('\n').filter((line) => !/^\s*#/.test(line));
  const named = new Set(lines.flatMap((line) => line.match(/(?<![\w.>/-])\/[\w./-]+/g) ?? []));
  const others = [...named].filter((script) => script !== path && !/^\/(proc|sys|dev)\//.test(script));
  return others.flatMap((script): readonly FoundFile[] => {
    if (!maybeScript(paths.at(script))) return [];
    const text = readText(paths.at(script));
    return text.kind === 'value' && !text.value.startsWith('#!') ? [] : [{ path: script, content: text }];
  });
}

/** Also what cannot be looked at: reading it then says why. */
function maybeScript(path: string): boolean {
  try {
    const stats = statSync(path);
    return stats.isFile() && stats.size <= LARGEST_SCRIPT_BYTES;
  } catch (error) {
    return !isAbsent(error);
  }
}
