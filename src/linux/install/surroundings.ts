import { globToRegExp } from '../../core/model/glob.ts';
import { readText } from '../files/files.ts';
import { exists, namesOrNone } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';

/** Other programs' configuration that would take the VIP off lo, and what keeps them from it. */
export interface Surroundings {
  readonly dropIns: readonly { readonly path: string; readonly content: string }[];
  readonly notes: readonly string[];
}

const NETWORKD = ['/etc/systemd/network', '/run/systemd/network', '/usr/lib/systemd/network'];

/**
 * Looks for what would take a VIP off its device. networkd removes addresses that are not its own from any device one of its
 * files matches, but never from lo (measured, systemd 252: restart, reload and reconfigure, scope host and global).
 * @param devices that hold a VIP by the configuration
 */
export function lookInto(paths: Paths, devices: readonly string[]): Surroundings {
  const found = devices.filter((device) => device !== 'lo').map((device) => forNetworkd(paths, device));
  const manager = exists(paths.at('/etc/NetworkManager')) ? [forNetworkManager(devices)] : [];
  return {
    dropIns: [...found.flatMap(({ dropIns }) => dropIns), ...manager],
    notes: found.flatMap(({ notes }) => notes),
  };
}

function forNetworkd(paths: Paths, device: string): Surroundings {
  const file = networkdFileFor(paths, device);
  if (file === null) return { dropIns: [], notes: [] };
  if (file.onlyThis) {
    const path = `/etc/systemd/network/${file.name}.d/rsprep.conf`;
    const content = `${MADE_BY}[Network]\nKeepConfiguration=static\n`;
    const note = `${file.path} configures ${device}; ${path} makes networkd keep the VIP there`;
    return { dropIns: [{ path, content }], notes: [note] };
  }
  const path = `/etc/systemd/network/00-rsprep-${device}.network`;
  const content = `${MADE_BY}[Match]\nName=${device}\n\n[Link]\nUnmanaged=yes\n`;
  const note = `${file.path} matches ${device} too; ${path} makes networkd leave ${device} alone`;
  return { dropIns: [{ path, content }], notes: [note] };
}

function forNetworkManager(devices: readonly string[]): { readonly path: string; readonly content: string } {
  const names = [...new Set(['lo', ...devices])].map((device) => `interface-name:${device}`).join(';');
  return {
    path: '/etc/NetworkManager/conf.d/99-rsprep.conf',
    content: `${MADE_BY}[keyfile]\nunmanaged-devices+=${names}\n`,
  };
}

const MADE_BY = '# Made by `rsprep install`, so that the VIP stays where it is.\n';

/** The first .network file, by name, that matches a device by its name: systemd.network(5). */
function networkdFileFor(
  paths: Paths,
  device: string,
): { readonly path: string; readonly name: string; readonly onlyThis: boolean } | null {
  const files = new Map<string, string>();
  for (const directory of NETWORKD) {
    for (const name of namesOrNone(paths.at(directory))) {
      if (name.endsWith('.network') && !name.startsWith('00-rsprep-') && !files.has(name))
        files.set(name, `${directory}/${name}`);
    }
  }
  for (const [name, path] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = readText(paths.at(path));
    const match = text.kind === 'value' ? matchSection(text.value) : null;
    if (match === null) continue;
    const patterns = (match.get('Name') ?? '').split(/\s+/).filter(Boolean);
    if (patterns.length === 0 || !matches(patterns, device)) continue;
    return { path, name, onlyThis: patterns.join() === device };
  }
  return null;
}

function matchSection(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let inside = false;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line.startsWith('[')) inside = line === '[Match]';
    const pair = inside ? /^(\w+)\s*=\s*(.*)$/.exec(line) : null;
    if (pair?.[1] !== undefined) values.set(pair[1], [values.get(pair[1]), pair[2]].filter(Boolean).join(' '));
  }
  return values;
}

/** systemd's lists of globs: a leading `!` turns the whole list round. */
function matches(patterns: readonly string[], word: string): boolean {
  const inverted = patterns[0]?.startsWith('!') ?? false;
  const globs = patterns.map((pattern, index) => (index === 0 ? pattern.replace(/^!/, '') : pattern));
  const hit = globs.some((glob) => globToRegExp(glob, { slash: true }).test(word));
  return hit !== inverted;
}
