import type { Check, CheckContext } from '../model/check.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { groupBy } from '../model/group-by.ts';
import type { Ip } from '../model/names.ts';
import { lacksPrivilege } from '../model/reading.ts';
import { type Mention, mentionsIn } from '../network/vip-files.ts';

export const keepalivedVip: Check = {
  id: 'keepalived-vip',
  title: 'keepalived does not hold the VIP as well',
  severity: 'critical',
  looksAt:
    '/etc/keepalived/*.conf and conf.d: virtual_ipaddress and virtual_server blocks that name a VIP. Critical if keepalived runs or starts at boot, otherwise advice. With role: localnode only a virtual_ipaddress with `dev lo` is wrong.',
  why: 'As MASTER keepalived puts the VIP on the NIC and announces it with gratuitous ARP, which no sysctl prevents. With `dev lo`, keepalived deletes the address that this host serves from when keepalived stops.',
  fix: 'Take the VIP out of keepalived.conf on a real server, or disable keepalived there.',
  source: 'keepalived.conf(5); measured: ten gratuitous ARPs as MASTER, the address deleted from lo at stop',
  run: (context) => {
    const files = context.observed.vipFiles.filter(({ path }) => path.startsWith('/etc/keepalived/'));
    const mentions = files.flatMap((file) => mentionsIn(file, context.desired));
    const byVip = groupBy(mentions, ({ ip }) => ip);
    const unreadable = files.flatMap(({ path, content }): readonly Verdict[] =>
      content.kind !== 'unreadable' ? [] : [cannotRead(path, content.reason, lacksPrivilege(content))],
    );
    return [...unreadable, ...[...byVip].flatMap(([ip, lines]) => judgeKeepalived(context, ip, lines))];
  },
};

function judgeKeepalived(context: CheckContext, ip: Ip, lines: readonly Mention[]): readonly Verdict[] {
  const onLo = lines.filter(({ as, device }) => as === 'keepalived-address' && device === 'lo');
  const counts = context.desired.role === 'localnode' ? onLo : lines;
  if (counts.length === 0) return [];
  const { keepalived } = context.observed;
  const state = keepalived.kind === 'value' ? keepalived.value : null;
  const idle = state === 'idle' || keepalived.kind === 'absent';
  const told =
    keepalived.kind === 'unreadable'
      ? `whether keepalived runs or starts at boot cannot be told: ${keepalived.reason}`
      : `keepalived ${idle ? 'neither runs nor starts at boot' : state}`;
  const address = counts.some(({ as }) => as === 'keepalived-address');
  const deletes = counts === onLo || (onLo.length > 0 && onLo.length === counts.length);
  return [
    wrong({
      subject: ip,
      severity: idle ? 'advice' : 'critical',
      wanted: `${ip} in no configuration of keepalived on this host`,
      seen: `${counts.map(({ file, line, text }) => `${file}:${line}: ${text}`).join('; ')} (${told})`,
      why: !address
        ? 'keepalived makes IPVS rules for the VIP here: this host passes on packets that it should answer.'
        : deletes
          ? 'keepalived deletes the VIP from lo when it stops or becomes BACKUP, and this real server loses its share of the traffic.'
          : 'As MASTER keepalived puts the VIP on the NIC and announces it to the whole segment, regardless of the sysctls.',
      fix: `take ${ip} out of ${counts[0]?.file ?? '/etc/keepalived/keepalived.conf'}, or systemctl disable --now keepalived`,
      demand: { kind: 'host' },
      vips: [ip],
    }),
  ];
}

const cannotRead = (path: string, reason: string, forLackOfPrivilege: boolean): Verdict =>
  unknown({
    subject: path,
    severity: 'advice',
    reason,
    wouldHelp: `${path} readable for this user`,
    forLackOfPrivilege,
  });
