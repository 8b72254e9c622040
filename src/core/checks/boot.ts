import type { Check, CheckContext } from '../model/check.ts';
import { type Verdict, wrong } from '../model/finding.ts';
import { groupBy } from '../model/group-by.ts';
import { hostPrefixLength, type Ip } from '../model/names.ts';
import { type Mention, mentionsIn } from '../network/vip-files.ts';
import { linksOf } from '../network/ways.ts';
import { cannotTell, unreadableFiles } from './unreadable.ts';

const foreign = ({ observed }: CheckContext) =>
  observed.vipFiles.filter(({ path }) => !path.startsWith('/etc/keepalived/'));

const mentionsOf = (context: CheckContext): readonly Mention[] =>
  foreign(context).flatMap((file) => mentionsIn(file, context.desired));

export const bootOwner: Check = {
  id: 'boot-owner',
  title: 'Nobody else configures the VIP at boot',
  severity: 'critical',
  looksAt:
    '/etc/network/interfaces(.d), netplan, systemd-networkd, NetworkManager, ifcfg files, dsrtools, rc.local, /etc/crontab, /etc/cron.d and enabled services in /etc/systemd/system with the scripts they start, LVS scripts in /etc/init.d: lines that give this host a VIP. On a NIC that is critical; on lo it is high when rsprep’s boot unit is enabled as well, or when the prefix is not that of one host.',
  why: 'Two owners of one address undo each other’s work: what rsprep removes comes back at boot, and what comes back may be on a NIC or have the wrong mask.',
  fix: 'Delete the named line; rsprep’s boot unit puts the VIP back, after the ARP settings.',
  source:
    'interfaces(5), netplan(5), systemd.network(5), nm-settings-keyfile(5), dsr.conf(5); published lvs_rs.sh scripts',
  run: (context) => {
    const unreadable = unreadableFiles(foreign(context));
    const byVip = groupBy(mentionsOf(context), ({ ip }) => ip);
    return [...unreadable, ...[...byVip].flatMap(([ip, lines]) => judgeOwner(context, ip, lines))];
  },
};

function judgeOwner(context: CheckContext, ip: Ip, lines: readonly Mention[]): readonly Verdict[] {
  const nic = lines.filter(({ device }) => onNic(context, device));
  const wide = lines.filter(({ prefixLength }) => prefixLength !== null && prefixLength !== hostPrefixLength(ip));
  const unit = context.observed.bootUnit;
  const two = unit.kind === 'value' && unit.value.state === 'enabled';
  const counts = nic.length > 0 ? nic : wide.length > 0 ? wide : two ? lines : [];
  if (counts.length === 0) return [];
  return [
    wrong({
      subject: ip,
      severity: nic.length > 0 && context.desired.role === 'real-server' ? 'critical' : 'high',
      wanted: `${ip} configured by rsprep alone`,
      seen: counts.map(({ file, line, text }) => `${file}:${line}: ${text}`).join('; '),
      why:
        nic.length > 0
          ? 'From the next boot on the VIP is on a NIC, and this host answers ARP for it.'
          : wide.length > 0
            ? 'From the next boot on the VIP has a wide prefix, and this host treats a whole subnet as its own.'
            : 'The VIP has two owners: after `rsprep remove`, the next boot brings it back.',
      fix: `delete ${counts.map(({ file, line }) => `${file}:${line}`).join(', ')}`,
      demand: { kind: 'persist' },
      vips: [ip],
    }),
  ];
}

/** `eth0`, `eth0:1`; not `lo`, `lo:0`, a dummy, or a device that the file does not name. */
function onNic(context: CheckContext, device: string | null): boolean {
  const name = (device ?? 'lo').split(':')[0] ?? '';
  if (name === 'lo' || name.startsWith('$')) return false;
  const link = linksOf(context).find((known) => known.name === name);
  return link ? !link.loopback && link.kind !== 'dummy' : !name.startsWith('dummy');
}

export const bootUnit: Check = {
  id: 'boot-unit',
  title: 'Something puts the VIP back after a reboot',
  severity: 'high',
  looksAt:
    'If this host boots with systemd: rsprep-apply.service is installed and enabled, and the program and interpreter that it starts exist. Not reported if a file of another tool configures every VIP.',
  why: 'The kernel forgets addresses. After a reboot the director sends this host its share and nobody answers.',
  fix: 'rsprep install, or systemctl enable rsprep-apply.service.',
  source: 'systemd.unit(5), systemctl(1)',
  run: (context) => {
    const reading = context.observed.bootUnit;
    if (reading.kind === 'absent' || context.desired.vips.length === 0) return [];
    if (reading.kind === 'unreadable') {
      const wouldHelp = 'the folders of systemd’s units readable for this user';
      return [cannotTell(reading, { subject: null, severity: 'high', wouldHelp })];
    }
    const unit = reading.value;
    if (unit.state === 'enabled') return unit.missing.length === 0 ? [] : [broken(unit.path, unit.missing)];
    const owned = new Set(mentionsOf(context).map(({ ip }) => ip));
    if (context.desired.vips.every(({ address }) => owned.has(address))) return [];
    const known = unit.state !== 'not-installed';
    return [
      wrong({
        subject: null,
        severity: known ? 'high' : 'advice',
        wanted: 'rsprep-apply.service enabled',
        seen: known
          ? `${unit.path} is ${unit.state}`
          : 'there is no rsprep-apply.service, and no other file names every VIP',
        why: 'After the next boot the VIP is gone, and this real server drops its share of the traffic until somebody runs rsprep apply.',
        fix: known
          ? `systemctl ${unit.state === 'masked' ? 'unmask' : 'enable'} rsprep-apply.service`
          : 'rsprep install',
        demand: { kind: 'persist' },
      }),
    ];
  },
};

const broken = (path: string, missing: readonly string[]): Verdict =>
  wrong({
    subject: null,
    severity: 'high',
    wanted: `everything that ${path} starts exists`,
    seen: `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not there`,
    why: 'The boot unit will fail, and after the next boot nobody puts the VIP back.',
    fix: 'install Node and rsprep where the unit looks for them, or run rsprep install again',
    demand: { kind: 'persist' },
  });
