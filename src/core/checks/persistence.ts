import { type Check, type CheckContext, ledgerOf } from '../model/check.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { groupBy } from '../model/group-by.ts';
import { lacksPrivilege } from '../model/reading.ts';
import type { SysctlFiles } from '../model/surroundings.ts';
import { type Contradiction, contradictions } from '../sysctl/boot-arp.ts';
import { explicitInterfaces, renderSysctlFile, SYSCTL_FILE } from '../sysctl/file.ts';
import { unreadableFiles } from './unreadable.ts';

export const persistSysctl: Check = {
  id: 'persist-sysctl',
  title: 'The ARP settings survive a reboot',
  severity: 'high',
  looksAt: `${SYSCTL_FILE}: it exists and sets the values that are in force now. Not looked at with persist: false.`,
  why: 'After the next boot the host comes up with other ARP settings and may answer for the VIP.',
  fix: 'rsprep apply writes it.',
  source: 'sysctl.d(5), systemd-sysctl.service(8), sysctl(8)',
  run: (context): readonly Verdict[] => {
    const { desired, observed } = context;
    // What waits for its confirmation is not to survive a reboot yet: the check `ledger` says so.
    if (!desired.persist || ledgerOf(context)?.unconfirmed) return [];
    const file = observed.sysctlFile;
    if (file.kind === 'unreadable') {
      return [
        unknown({
          subject: null,
          severity: 'high',
          reason: file.reason,
          wouldHelp: `${SYSCTL_FILE} readable for this user`,
          forLackOfPrivilege: lacksPrivilege(file),
        }),
      ];
    }
    const wanted = renderSysctlFile(explicitInterfaces(ledgerOf(context)));
    if (file.kind === 'value' && settingsOf(file.value) === settingsOf(wanted)) return [];
    return [
      wrong({
        subject: null,
        severity: 'high',
        wanted: `${SYSCTL_FILE} with ${settingsOf(wanted).split('\n').join(', ')}`,
        seen: file.kind === 'absent' ? 'there is no such file' : describeOther(file.value, wanted),
        why: 'After the next boot this host may answer ARP for the VIP, even if it does not now.',
        fix: 'rsprep apply',
        actions: [{ kind: 'write-file', path: SYSCTL_FILE, content: wanted }],
        demand: { kind: 'persist' },
      }),
    ];
  },
};

/** What a sysctl.d file sets, one `key = value` a line: comments, blanks and spacing do not count. */
const settingsOf = (content: string): string =>
  content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'))
    .map((line) => line.replace(/\s*=\s*/, '='))
    .join('\n');

function describeOther(seen: string, wanted: string): string {
  const has = new Set(settingsOf(seen).split('\n'));
  const should = new Set(settingsOf(wanted).split('\n'));
  const missing = [...should].filter((line) => !has.has(line)).map((line) => `without ${line}`);
  const extra = [...has].filter((line) => line !== '' && !should.has(line)).map((line) => `with ${line}`);
  const parts = [...missing, ...extra];
  return parts.length > 0 ? parts.slice(0, 4).join(', ') : 'the same settings in another order';
}

export const bootSysctl: Check = {
  id: 'boot-sysctl',
  title: 'No other file overrides the ARP settings at the next boot',
  severity: 'critical',
  looksAt:
    'Every sysctl.d directory and /etc/sysctl.conf, applied as the next boot would apply them: files are sorted by name, whichever directory they are in; a file in /etc hides one of the same name in /run and /usr; a link to /dev/null masks a file; explicit keys win over globs. Once in the order of systemd-sysctl, and once in that of `sysctl --system`, which reads /etc/sysctl.conf last. Not looked at with persist: false.',
  why: 'The host is right now and leaks after the next boot, or as soon as somebody runs `sysctl --system`.',
  fix: `Delete or correct the named line. No file in sysctl.d can override /etc/sysctl.conf for \`sysctl --system\`, so rsprep apply does not write its own file as long as that line is there.`,
  source: 'sysctl.d(5), systemd-sysctl.service(8), sysctl(8); measured with systemd 252 and procps 4.0.2',
  run: (context): readonly Verdict[] => {
    const files = context.observed.sysctlFiles;
    if (!context.desired.persist || files === null) return [];
    const found = bootContradictions(context);
    const byFile = groupBy(found, ({ file }) => file);
    const unreadable = unreadableFiles(files.files);
    return [...unreadable, ...[...byFile].map(([file, lines]) => contradicted(files.bootReader, file, lines))];
  },
};

/** Lines of other files that would win over ours. */
export function bootContradictions({ desired, observed, ledger }: CheckContext): readonly Contradiction[] {
  const { sysctlFiles, arp } = observed;
  if (!desired.persist || sysctlFiles === null || arp.kind !== 'value') return [];
  const interfaces = [...arp.value.keys()].filter((name) => !['all', 'default', 'lo'].includes(name));
  const own = ledger.kind === 'value' ? ledger.value : null;
  return contradictions(sysctlFiles, interfaces, explicitInterfaces(own));
}

function contradicted(bootReader: SysctlFiles['bootReader'], file: string, lines: readonly Contradiction[]): Verdict {
  const boots = bootReader === null || lines.some(({ reader }) => reader === bootReader);
  const distinct = new Map(lines.map((line) => [line.line, line]));
  const seen = [...distinct.values()]
    .map(({ line, scope, key, value }) => `line ${line} sets conf/${scope}/${key}=${value}`)
    .join(', ');
  return wrong({
    subject: file,
    severity: boots ? 'critical' : 'high',
    wanted: `${SYSCTL_FILE} decides, or no file says otherwise`,
    seen: `${file}: ${seen}, and wins ${boots ? 'at the next boot' : 'with `sysctl --system`'}`,
    why: boots
      ? 'Even if the settings are right now: after its next boot this host answers ARP for the VIP or announces it.'
      : 'As soon as somebody, or a package, runs `sysctl --system`, this host answers ARP for the VIP or announces it.',
    fix: `delete or correct ${file}:${[...distinct.keys()].join(', ')}`,
    demand: { kind: 'persist' },
  });
}
