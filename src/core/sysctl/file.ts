import { ARP_KEYS, ARP_KEYS_BACKWARDS, MANAGED, settingText } from '../model/arp-settings.ts';
import type { Ledger } from '../model/ledger.ts';
import { wantedOf } from './arp-rules.ts';

/**
 * Persisted ARP sysctls. systemd-sysctl(8) and sysctl(8) sort all sysctl.d directories by file name and let the last
 * one win, so the name decides, not the directory: /usr/lib/sysctl.d/99-x.conf beats /etc/sysctl.d/90-y.conf.
 */
export const SYSCTL_FILE = '/etc/sysctl.d/99-zz-rsprep.conf';

const OWN_LINE =
  '# Managed by rsprep: changes made here are overwritten by `rsprep apply` and removed by `rsprep remove`.';

/** Whether rsprep wrote it, as it says of itself: known without a ledger too. */
export const isOwnSysctlFile = (content: string): boolean => content.startsWith(OWN_LINE);

/**
 * The file's content. Keys in slash form, which both readers take whatever an interface is called (sysctl.d(5));
 * interfaces are named only where they had to be set explicitly.
 */
export function renderSysctlFile(interfaces: readonly string[]): string {
  const lines = [
    OWN_LINE,
    `# A real server must not ${ARP_KEYS_BACKWARDS.map((key) => `${MANAGED[key].mustNot} (${key})`).join(' or ')}.`,
  ];
  for (const scope of ['all', 'default', ...[...interfaces].sort()]) {
    for (const key of ARP_KEYS) lines.push(`${settingText({ scope, key })} = ${wantedOf(key)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Interfaces whose own value rsprep had to set, by the ledger. */
export function explicitInterfaces(ledger: Ledger | null): readonly string[] {
  const names = (ledger?.sysctls ?? []).map(({ setting }) => setting.scope);
  return [...new Set(names)].filter((name) => name !== 'all' && name !== 'default');
}
