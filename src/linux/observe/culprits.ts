import { readdirSync } from 'node:fs';
import { checkNamed } from '../../core/checks/registry.ts';
import { placesOf } from '../../core/model/addresses.ts';
import { type ArpKey, settingText } from '../../core/model/arp-settings.ts';
import type { InterfaceName, Ip } from '../../core/model/names.ts';
import type { Link, Observed } from '../../core/model/observed.ts';
import type { OpenFinding } from '../../core/report/compare.ts';
import { isAcceptable } from '../../core/sysctl/arp-rules.ts';
import { type Reader, replay } from '../../core/sysctl/replay.ts';
import { readText } from '../files/files.ts';
import { namesOrNone } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';
import { read } from '../process/command.ts';
import { observeSysctlFiles } from './sysctl-files.ts';

/** Programs known to set ARP sysctls, and what is known of them. */
const SETS_SYSCTLS: Readonly<Record<string, string>> = {
  keepalived: 'with use_vmac it sets arp_ignore and arp_filter, and puts old values back when it stops',
  tuned: 'it applies sysctl.d again at every profile change',
  'kube-proxy': 'with strictARP it sets arp_ignore and arp_announce',
};
/** Programs known to add and remove addresses. */
const SETS_ADDRESSES: readonly string[] = ['keepalived', 'systemd-networkd', 'NetworkManager', 'ucarp', 'pacemakerd'];

/**
 * Who may have made these findings: the file and line that set a sysctl, the program that owns an address. Hints, and only
 * where something on the host supports them; looked for only when something is new, because it reads a lot.
 */
export function culprits(
  paths: Paths,
  findings: readonly OpenFinding[],
  observed: Observed | null,
): ReadonlyMap<string, readonly string[]> {
  const running = runningPrograms();
  const links = observed?.links.kind === 'value' ? observed.links.value : [];
  const found = new Map<string, readonly string[]>();
  for (const { id, check } of findings) {
    const subject = id.slice(check.length + 1);
    const culprit = checkNamed(check)?.culprit;
    if (culprit === undefined) continue;
    const hints =
      culprit === 'address-owner'
        ? whoOwnsAddress(paths, subject as Ip, links, running)
        : whoSetSysctl(paths, culprit, subject, observed, running);
    if (hints.length > 0) found.set(id, hints.slice(0, 4));
  }
  return found;
}

function whoSetSysctl(
  paths: Paths,
  key: ArpKey,
  subject: string,
  observed: Observed | null,
  running: ReadonlyMap<string, number>,
): readonly string[] {
  const files = observeSysctlFiles(paths);
  const hints = new Set<string>();
  for (const reader of ['systemd', 'procps'] as const satisfies readonly Reader[]) {
    const winner = replay(files, reader);
    for (const scope of ['all', 'default', ...(subject === '' ? [] : [subject])]) {
      const seen = observed?.arp.kind === 'value' ? observed.arp.value.get(scope)?.[key] : undefined;
      const setting = settingText({ scope, key });
      const line = winner(setting);
      if (line === null || seen?.kind !== 'value' || seen.value !== line.value || isAcceptable(key, line.value))
        continue;
      hints.add(`${line.file}:${line.line} sets ${setting} = ${line.value}`);
    }
  }
  for (const [name, what] of Object.entries(SETS_SYSCTLS)) {
    const pid = running.get(name);
    if (pid !== undefined) hints.add(`${name} runs (pid ${pid}): ${what}`);
  }
  return [...hints];
}

function whoOwnsAddress(
  paths: Paths,
  vip: Ip,
  links: readonly Link[],
  running: ReadonlyMap<string, number>,
): readonly string[] {
  const hints: string[] = [];
  for (const { link } of placesOf(links, vip)) {
    hints.push(...networkd(paths, link), ...networkManager(paths, link), ...protocolOf(vip, link.name));
  }
  for (const name of SETS_ADDRESSES) {
    const pid = running.get(name);
    if (pid === undefined) continue;
    const named = name === 'keepalived' ? keepalivedLine(paths, vip) : null;
    if (named !== null) hints.push(`keepalived runs (pid ${pid}), and ${named} names ${vip}`);
    else if (name !== 'systemd-networkd' && name !== 'NetworkManager') hints.push(`${name} runs (pid ${pid})`);
    else if (links.some((link) => isManaged(paths, name, link)))
      hints.push(`${name} (pid ${pid}) manages a device here`);
  }
  return [...new Set(hints)];
}

/** networkd's word on a device: /run/systemd/netif/links/INDEX (systemd, src/network/networkd-state-file.c). */
function networkd(paths: Paths, link: Link): readonly string[] {
  const text = readText(paths.at(`/run/systemd/netif/links/${link.index}`));
  if (text.kind !== 'value') return [];
  const file = /^NETWORK_FILE=(.+)$/m.exec(text.value)?.[1];
  return file === undefined ? [] : [`systemd-networkd configures ${link.name} from ${file}`];
}

/** NetworkManager's: /run/NetworkManager/devices/INDEX. */
function networkManager(paths: Paths, link: Link): readonly string[] {
  const text = readText(paths.at(`/run/NetworkManager/devices/${link.index}`));
  if (text.kind !== 'value' || !/^managed=(true|yes|1)$/m.test(text.value)) return [];
  const connection = /^connection-uuid=(.+)$/m.exec(text.value)?.[1];
  return [`NetworkManager manages ${link.name}${connection ? ` (connection ${connection})` : ''}`];
}

const isManaged = (paths: Paths, name: string, link: Link): boolean =>
  (name === 'NetworkManager' ? networkManager(paths, link) : networkd(paths, link)).length > 0;

/** IFA_PROTO (Linux 5.18, iproute2 6.2): who says that the address is its own. Older ones show nothing. */
function protocolOf(vip: Ip, device: InterfaceName): readonly string[] {
  const result = read(['ip', '-j', '-d', 'address', 'show', 'dev', device], { timeoutMs: 2000 });
  if (result.kind !== 'ok') return [];
  const entry = new RegExp(`"local":"${vip.replaceAll('.', '\\.')}"[^}]*"protocol":"?([^",}]+)`).exec(result.stdout);
  return entry ? [`${vip} on ${device} carries protocol ${entry[1]}`] : [];
}

function keepalivedLine(paths: Paths, vip: Ip): string | null {
  for (const folder of ['/etc/keepalived', '/etc/keepalived/conf.d']) {
    for (const name of namesOrNone(paths.at(folder)).filter((entry) => entry.endsWith('.conf'))) {
      const text = readText(paths.at(`${folder}/${name}`));
      if (text.kind !== 'value') continue;
      const line = text.value.split('\n').findIndex((entry) => entry.split(/[\s/]+/).includes(vip));
      if (line >= 0) return `${folder}/${name}:${line + 1}`;
    }
  }
  return null;
}

/** By comm (proc(5)), which is cut at 15 characters; the lowest pid of each. */
function runningPrograms(): ReadonlyMap<string, number> {
  const wanted = [...Object.keys(SETS_SYSCTLS), ...SETS_ADDRESSES];
  const found = new Map<string, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const comm = readText(`/proc/${entry}/comm`);
    if (comm.kind !== 'value') continue;
    const name = wanted.find((program) => program.slice(0, 15) === comm.value.trim());
    if (name !== undefined && !found.has(name)) found.set(name, Number(entry));
  }
  return found;
}
