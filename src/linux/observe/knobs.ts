import type { Desired } from '../../core/model/desired.ts';
import { isIpv6, type SysctlPath, sysctlText } from '../../core/model/names.ts';
import type { Reading } from '../../core/model/reading.ts';
import type { Surroundings } from '../../core/model/surroundings.ts';
import { namesIn } from '../files/folders.ts';
import { readSysctl } from './sysctl.ts';

/**
 * The sysctls besides the two ARP keys that decide something here. What depends on forwarding is read only where an interface
 * forwards, and the reverse path filter only where packets for a VIP may come in: 200 interfaces would otherwise be 1 000 files.
 * @param entrances devices by which the kernel reaches a director or a client
 */
export function observeKnobs(desired: Desired, entrances: ReadonlySet<string>): Surroundings['knobs'] {
  const knobs = new Map<string, Reading<number>>();
  const look = (...path: SysctlPath): number | null => {
    const reading = readSysctl(path);
    if (reading.kind !== 'absent') knobs.set(sysctlText(path), reading);
    return reading.kind === 'value' ? reading.value : null;
  };
  const conf = (family: 'ipv4' | 'ipv6', forwarding: readonly string[]): void => {
    const names = namesIn(`/proc/sys/net/${family}/conf`);
    if (names.kind === 'unreadable') knobs.set(`net/${family}/conf`, names);
    // Absent: no such protocol in this kernel.
    for (const name of names.kind === 'value' ? names.value : []) {
      // What is set for all counts on an interface that forwards by itself, too.
      if (look('net', family, 'conf', name, 'forwarding') === 0 && name !== 'all') continue;
      for (const key of forwarding) look('net', family, 'conf', name, key);
    }
  };
  look('net', 'ipv4', 'ip_forward');
  if (desired.vips.some(({ address }) => !isIpv6(address))) {
    for (const name of ['all', ...entrances]) look('net', 'ipv4', 'conf', name, 'rp_filter');
    conf('ipv4', ['proxy_arp', 'proxy_arp_pvlan']);
  }
  if (desired.vips.some(({ address }) => isIpv6(address))) conf('ipv6', ['proxy_ndp']);
  look('net', 'ipv4', 'vs', 'backup_only');
  if (look('net', 'netfilter', 'nf_conntrack_count') !== null) {
    look('net', 'netfilter', 'nf_conntrack_max');
    look('net', 'netfilter', 'nf_conntrack_tcp_loose');
  }
  if (desired.vips.some(({ services }) => services.length > 0)) {
    look('net', 'ipv4', 'tcp_l3mdev_accept');
    look('net', 'ipv4', 'udp_l3mdev_accept');
  }
  return knobs;
}
