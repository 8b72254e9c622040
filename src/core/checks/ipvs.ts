import type { Check, CheckContext } from '../model/check.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { groupBy } from '../model/group-by.ts';
import type { Ip } from '../model/names.ts';
import { lacksPrivilege } from '../model/reading.ts';
import { isSilent } from '../network/devices.ts';
import { holds, knob, linksOf } from '../network/ways.ts';

export const ipvsHere: Check = {
  id: 'ipvs-here',
  title: 'This host does not balance the VIP itself',
  severity: 'critical',
  looksAt:
    '/proc/net/ip_vs: no virtual service for a VIP. With role: localnode there may be one if net/ipv4/vs/backup_only is 1 and the connection sync daemon runs as backup (as master on the host whose NIC holds the VIP), or if no other director is configured.',
  why: 'Two hosts that balance the same VIP and are each other’s real servers send one packet back and forth until its TTL ends (63 times).',
  fix: 'If this host is only a real server: delete the virtual service (ipvsadm -D). On a localnode: sysctl -w net/ipv4/vs/backup_only=1 and ipvsadm --start-daemon backup; or balance by a firewall mark that packets from the other director do not get.',
  source:
    'net/netfilter/ipvs/ip_vs_core.c ip_vs_in_hook(); kernel commit 0c12582fbcdea0cbb0dfd224e1c5f9a8428ffa18 (backup_only)',
  run: (context) => {
    const { ipvs } = context.observed;
    if (ipvs.kind === 'absent') return [];
    if (ipvs.kind === 'unreadable') {
      return [
        unknown({
          subject: null,
          severity: 'advice',
          reason: ipvs.reason,
          wouldHelp: '/proc/net/ip_vs readable for this user',
          forLackOfPrivilege: lacksPrivilege(ipvs),
        }),
      ];
    }
    const ours = ipvs.value.services.filter(({ ip }) => context.desired.vips.some(({ address }) => address === ip));
    const byVip = groupBy(ours, ({ ip }) => ip);
    return [...byVip].flatMap(([ip, services]): readonly Verdict[] => {
      if (ip === null) return [];
      const text = services.map(({ protocol, port }) => `${protocol}/${port}`).join(', ');
      return context.desired.role === 'real-server' ? [rulesOnRealServer(ip, text)] : localnode(context, ip, text);
    });
  },
};

const rulesOnRealServer = (ip: Ip, services: string): Verdict =>
  wrong({
    subject: ip,
    severity: 'critical',
    wanted: `no IPVS service for ${ip} on a real server`,
    seen: `/proc/net/ip_vs has ${services} on ${ip}`,
    why: 'This host passes packets that it should answer to other real servers, which may pass them back: one packet goes back and forth 63 times.',
    fix: 'stop the program that made them (keepalived, ldirectord, kube-proxy), then ipvsadm -D; or set `role: localnode` if this host is a director too',
    demand: { kind: 'host' },
    vips: [ip],
  });

function localnode(context: CheckContext, ip: Ip, services: string): readonly Verdict[] {
  const { ipvs } = context.observed;
  const others = context.desired.directors.filter((director) => !holds(context, director));
  if (ipvs.kind !== 'value' || others.length === 0) return [];
  const backupOnly = knob(context.observed, 'net/ipv4/vs/backup_only') === 1;
  const { syncDaemon } = ipvs.value;
  if (backupOnly && syncDaemon.kind === 'unreadable') {
    return [
      unknown({
        subject: ip,
        severity: 'advice',
        reason: syncDaemon.reason,
        wouldHelp: 'ipvsadm(8), and root, to see whether the connection sync daemon runs: backup_only counts only then',
        forLackOfPrivilege: lacksPrivilege(syncDaemon),
      }),
    ];
  }
  const daemons = syncDaemon.kind === 'value' ? syncDaemon.value : [];
  const active = isActive(context, ip);
  // sysctl_backup_only(): only while this host's daemon is a backup; then IPVS balances nothing, whoever holds the VIP.
  if (backupOnly && daemons.includes('backup')) return active ? [balancesNothing(ip, services)] : [];
  if (backupOnly && daemons.includes('master') && active) return [];
  const daemon = daemons.length === 0 ? 'no sync daemon runs' : 'the sync daemon here is a master';
  return [
    wrong({
      subject: ip,
      severity: 'critical',
      wanted: 'backup_only=1 and a running backup sync daemon, or services by firewall mark',
      seen: `${services} on ${ip}, backup_only=${backupOnly ? `1, but ${daemon}` : '0'}, and the other director ${others.join(', ')}`,
      why: 'This host balances again what the other director sends it, and may send it back: one packet goes back and forth 63 times.',
      fix: 'sysctl -w net/ipv4/vs/backup_only=1; ipvsadm --start-daemon backup --mcast-interface IF (rsprep render localnode shows the way with firewall marks)',
      demand: { kind: 'host' },
      vips: [ip],
    }),
  ];
}

/** The director that clients reach: the one whose NIC holds the VIP. */
const isActive = (context: CheckContext, ip: Ip): boolean =>
  linksOf(context).some((link) => !isSilent(link) && link.addresses.some((address) => address.ip === ip));

const balancesNothing = (ip: Ip, services: string): Verdict =>
  wrong({
    subject: ip,
    severity: 'high',
    wanted: `a master sync daemon on the director that holds ${ip} on its NIC`,
    seen: `${services} on ${ip}, backup_only=1, and a backup sync daemon`,
    why: 'With backup_only a host whose sync daemon is a backup balances nothing: this host serves every client of the VIP alone, and the rest of the farm serves nobody.',
    fix: 'ipvsadm --stop-daemon backup; ipvsadm --start-daemon master --mcast-interface IF (keepalived: lvs_sync_daemon does it at each change of state)',
    demand: { kind: 'host' },
    vips: [ip],
  });
