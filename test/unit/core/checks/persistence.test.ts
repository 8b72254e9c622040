// What the next boot would do with the ARP settings: files replayed as systemd-sysctl and `sysctl --system` read them.
// Every table was measured with systemd 252 and procps 4.0.2; test/netns/checks/boot-sysctl.test.ts does so again.
import { describe, expect, it } from 'vitest';
import { judge } from '../../../../src/core/judge.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import type { SysctlFiles } from '../../../../src/core/model/surroundings.ts';
import { planApply } from '../../../../src/core/plan/plan.ts';
import { renderSysctlFile, SYSCTL_FILE } from '../../../../src/core/sysctl/file.ts';
import { replay } from '../../../../src/core/sysctl/replay.ts';
import { REPLAY } from '../sysctl/replay-cases.ts';
import { arpReadings, type Case, contextOf, eth0, file, found, judged, link, lo, onLo, TODAY } from './host.ts';

const filesOf = (
  texts: Readonly<Record<string, string>>,
  bootReader: SysctlFiles['bootReader'] = 'systemd',
): SysctlFiles => ({
  bootReader,
  files: Object.entries(texts).map(([path, text]) => file(path, text)),
});

describe('replay of sysctl.d', () => {
  for (const reader of ['systemd', 'procps'] as const) {
    it.each(REPLAY)(`${reader}: $name`, ({ files, ...wanted }) => {
      const winner = replay(filesOf(files), reader);
      const seen = ['all', 'default', 'eth0', 'eth0.100'].map(
        (name) => winner(`net/ipv4/conf/${name}/arp_ignore`)?.value ?? 0,
      );
      expect(seen).toEqual(wanted[reader]);
    });
  }

  it('names the line that wins', () => {
    const winner = replay(filesOf({ '/etc/sysctl.d/1.conf': '# x\n\nnet.ipv4.conf.all.arp_ignore=2\n' }), 'systemd');
    expect(winner('net/ipv4/conf/all/arp_ignore')).toEqual({ value: 2, file: '/etc/sysctl.d/1.conf', line: 3 });
  });
});

const own = { [SYSCTL_FILE]: renderSysctlFile([]) };
const boots = (texts: Readonly<Record<string, string>>, reader: SysctlFiles['bootReader'] = 'systemd'): Case => ({
  observed: { sysctlFiles: filesOf({ ...own, ...texts }, reader) },
});

const cases: readonly (readonly [name: string, given: Case, wanted: readonly string[]])[] = [
  ['only our own file', boots({}), []],
  ['an earlier file', boots({ '/etc/sysctl.d/50-x.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }), []],
  [
    'a later file in /etc',
    boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }),
    ['critical boot-sysctl@/etc/sysctl.d/99-zzz.conf'],
  ],
  [
    'a later file in /usr/lib',
    boots({ '/usr/lib/sysctl.d/zz.conf': 'net.ipv4.conf.all.arp_announce=1\n' }),
    ['critical boot-sysctl@/usr/lib/sysctl.d/zz.conf'],
  ],
  ['a later file that agrees', boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.conf.all.arp_ignore=2\n' }), []],
  [
    'a later file about other things',
    boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.ip_forward=1\nnet.ipv4.conf.all.rp_filter=1\n' }),
    [],
  ],
  [
    'an earlier file with an interface’s own value',
    boots({ '/etc/sysctl.d/10-x.conf': 'net.ipv4.conf.eth0.arp_ignore=3\n' }),
    ['critical boot-sysctl@/etc/sysctl.d/10-x.conf'],
  ],
  [
    'an interface’s own value that all covers',
    boots({ '/etc/sysctl.d/10-x.conf': 'net.ipv4.conf.eth0.arp_ignore=0\n' }),
    [],
  ],
  ['an interface that is not there', boots({ '/etc/sysctl.d/10-x.conf': 'net.ipv4.conf.eth7.arp_ignore=3\n' }), []],
  [
    'default, for the next interface',
    boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.conf.default.arp_ignore=8\n' }),
    ['critical boot-sysctl@/etc/sysctl.d/99-zzz.conf'],
  ],
  [
    'a glob that covers an interface',
    boots({ '/etc/sysctl.d/10-x.conf': 'net.ipv4.conf.*.arp_ignore=4\n' }),
    ['critical boot-sysctl@/etc/sysctl.d/10-x.conf'],
  ],
  [
    '/etc/sysctl.conf on a systemd host',
    boots({ '/etc/sysctl.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }),
    ['high boot-sysctl@/etc/sysctl.conf'],
  ],
  [
    '/etc/sysctl.conf through Debian’s link as well',
    boots({
      '/etc/sysctl.conf': 'net.ipv4.conf.all.arp_ignore=0\n',
      '/etc/sysctl.d/99-sysctl.conf': 'net.ipv4.conf.all.arp_ignore=0\n',
    }),
    ['high boot-sysctl@/etc/sysctl.conf'],
  ],
  [
    '/etc/sysctl.conf where procps boots the host',
    boots({ '/etc/sysctl.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }, 'procps'),
    ['critical boot-sysctl@/etc/sysctl.conf'],
  ],
  [
    '/etc/sysctl.conf where nobody can tell who boots the host',
    boots({ '/etc/sysctl.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }, null),
    ['critical boot-sysctl@/etc/sysctl.conf'],
  ],
  [
    'our own file edited: that is another check',
    { observed: { sysctlFiles: filesOf({}), sysctlFile: value('net.ipv4.conf.all.arp_ignore=0\n') } },
    ['high persist-sysctl'],
  ],
  [
    'our own file gone, another agrees',
    {
      observed: {
        sysctlFiles: filesOf({ '/etc/sysctl.d/50-lvs.conf': 'net.ipv4.conf.all.arp_ignore=1\n' }),
        sysctlFile: absent,
      },
    },
    ['high persist-sysctl'],
  ],
  [
    'a file that this user may not read',
    {
      observed: {
        sysctlFiles: {
          bootReader: 'systemd',
          files: [{ path: '/etc/sysctl.d/a.conf', content: unreadable('privilege', 'EACCES') }],
        },
      },
    },
    ['unknown boot-sysctl@/etc/sysctl.d/a.conf'],
  ],
  [
    'persist: false',
    { ...boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }), desired: { persist: false } },
    [],
  ],
];

describe('persistence', () => {
  it.each(cases)('%s', (_name, given, wanted) => expect(found(given)).toEqual(wanted));

  it('is wrong after the next boot, and not now', () => {
    const [finding] = judged(boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.conf.all.arp_ignore=0\n' })).findings;
    expect(finding).toMatchObject({
      cause: 'persisted',
      seen: '/etc/sysctl.d/99-zzz.conf: line 1 sets conf/all/arp_ignore=0, and wins at the next boot',
    });
  });
});

describe('apply while /etc/sysctl.conf contradicts', () => {
  const plan = (given: Case) => {
    const context = contextOf(given);
    return planApply(context, judge(context, TODAY), { 'take-from-nic': false, prune: false });
  };
  const contradicted = boots({ '/etc/sysctl.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }).observed ?? {};
  const bare = { links: value([link('lo', 1, onLo.slice(0, 1)), eth0]), sysctlFile: absent };

  it('is refused, naming the line', () => {
    expect(plan({ observed: { ...contradicted, ...bare } })).toMatchObject({
      kind: 'refused',
      because: [
        { code: 'sysctl-conf', message: expect.stringContaining('/etc/sysctl.conf:1 sets conf/all/arp_ignore=0') },
      ],
    });
  });

  it('is not refused when there is nothing to persist, as at boot', () => {
    expect(plan({ observed: { ...contradicted, links: bare.links } }).kind).toBe('steps');
  });

  it('is not refused while the host leaks', () => {
    const arp = value(
      new Map([
        ['all', arpReadings({ arp_ignore: value(0) })],
        ['eth0', arpReadings({ arp_ignore: value(0) })],
      ]),
    );
    expect(plan({ observed: { ...contradicted, sysctlFile: absent, links: value([lo, eth0]), arp } }).kind).toBe(
      'steps',
    );
  });

  it('does not care about other files: those are reported', () => {
    const other = boots({ '/etc/sysctl.d/99-zzz.conf': 'net.ipv4.conf.all.arp_ignore=0\n' }).observed ?? {};
    expect(plan({ desired: { vips: [] }, observed: { ...other, sysctlFile: absent } }).kind).toBe('steps');
    expect(found({ observed: other })).toEqual(['critical boot-sysctl@/etc/sysctl.d/99-zzz.conf']);
  });
});
