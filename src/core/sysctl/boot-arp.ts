import { ARP_KEYS, type ArpKey, settingText } from '../model/arp-settings.ts';
import type { SysctlFiles } from '../model/surroundings.ts';
import { effective, isAcceptable, overridesWrongly, wantedOf } from './arp-rules.ts';
import { renderSysctlFile, SYSCTL_FILE } from './file.ts';
import { type Reader, replay, type Winner } from './replay.ts';

/** A line of somebody else's that would make a real server leak after the next boot, or after `sysctl --system`. */
export interface Contradiction {
  readonly reader: Reader;
  readonly file: string;
  readonly line: number;
  readonly key: ArpKey;
  /** `all`, `default` (every new interface) or an interface. */
  readonly scope: string;
  readonly value: number;
  /** What the interface would then have. */
  readonly effective: number;
}

/**
 * What would win over our own file, were it written as it should be: by name (a later file), by an interface's own key, or,
 * for procps, by standing in /etc/sysctl.conf.
 * @param interfaces every interface there is now, without `all`, `default` and lo
 * @param explicit the interfaces that our own file names
 */
export function contradictions(
  files: SysctlFiles,
  interfaces: readonly string[],
  explicit: readonly string[],
): readonly Contradiction[] {
  const others = files.files.filter(({ path }) => path !== SYSCTL_FILE);
  const own = { path: SYSCTL_FILE, content: { kind: 'value', value: renderSysctlFile(explicit) } } as const;
  const all = { ...files, files: [...others, own] };
  return (['systemd', 'procps'] as const).flatMap((reader) => {
    const winner = replay(all, reader);
    return ARP_KEYS.flatMap((key) => judge(reader, key, interfaces, (scope) => winner(settingText({ scope, key }))));
  });
}

function judge(
  reader: Reader,
  key: ArpKey,
  interfaces: readonly string[],
  winner: (scope: string) => Winner | null,
): readonly Contradiction[] {
  const all = winner('all');
  const found = new Map<string, Contradiction>();
  const blame = ({ file, line, value }: Winner, scope: string, all: number): void => {
    const id = `${file}:${line}`;
    if (file === SYSCTL_FILE || found.has(id)) return;
    found.set(id, { reader, file, line, key, scope, value, effective: effective(key, all, value) });
  };
  // `all` has to do by itself: an interface that got its address in the initrd keeps its own 0, whatever `default` becomes.
  if (all !== null && !isAcceptable(key, all.value)) blame(all, 'all', all.value);
  for (const scope of ['default', ...interfaces]) {
    const own = winner(scope);
    if (own !== null && overridesWrongly(key, own.value)) blame(own, scope, wantedOf(key));
  }
  return [...found.values()];
}
