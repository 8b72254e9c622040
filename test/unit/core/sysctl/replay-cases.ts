// Files, and what each reader makes of net.ipv4.conf.{all,default,eth0,eth0.100}.arp_ignore when all were 0 before.

export interface ReplayCase {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** all, default, eth0, eth0.100 */
  readonly systemd: readonly [number, number, number, number];
  readonly procps: readonly [number, number, number, number];
}

const key = (name: string, setTo: number): string => `net.ipv4.conf.${name}.arp_ignore=${setTo}\n`;
const both = (
  name: string,
  files: Readonly<Record<string, string>>,
  ...seen: [number, number, number, number]
): ReplayCase => ({
  name,
  files,
  systemd: seen,
  procps: seen,
});

export const REPLAY: readonly ReplayCase[] = [
  both(
    'the same name: /etc hides /run',
    { '/etc/sysctl.d/50-x.conf': key('eth0', 1), '/run/sysctl.d/50-x.conf': key('eth0', 2) },
    0,
    0,
    1,
    0,
  ),
  both(
    'the same name: /usr/local/lib hides /usr/lib',
    { '/usr/lib/sysctl.d/50-x.conf': key('eth0', 1), '/usr/local/lib/sysctl.d/50-x.conf': key('eth0', 2) },
    0,
    0,
    2,
    0,
  ),
  both(
    'the later name wins, whatever the folder',
    { '/etc/sysctl.d/90-y.conf': key('eth0', 1), '/usr/lib/sysctl.d/99-x.conf': key('eth0', 2) },
    0,
    0,
    2,
    0,
  ),
  both(
    'an explicit key beats a later glob',
    { '/etc/sysctl.d/40-x.conf': key('eth0', 1), '/etc/sysctl.d/50-x.conf': key('*', 3) },
    3,
    3,
    1,
    3,
  ),
  both(
    '-key keeps globs away, wherever it stands',
    { '/etc/sysctl.d/30-x.conf': key('*', 3), '/etc/sysctl.d/40-x.conf': '-net.ipv4.conf.eth0.arp_ignore\n' },
    3,
    3,
    0,
    3,
  ),
  {
    name: '-key after an explicit key',
    files: { '/etc/sysctl.d/30-x.conf': key('eth0', 3), '/etc/sysctl.d/40-x.conf': '-net.ipv4.conf.eth0.arp_ignore\n' },
    systemd: [0, 0, 0, 0],
    procps: [0, 0, 3, 0],
  },
  both(
    'slashes and dots change places only where a dot comes first',
    {
      '/etc/sysctl.d/30-x.conf':
        'net.ipv4.conf.eth0/100.arp_ignore=3\nnet.ipv4.conf.eth0.100.arp_ignore=5\nnet/ipv4/conf/eth0/arp_ignore = 4 \n',
    },
    0,
    0,
    4,
    3,
  ),
  both('a dash before an assignment', { '/etc/sysctl.d/30-x.conf': `-${key('eth0', 7)}` }, 0, 0, 7, 0),
  both('of two globs the later wins', { '/etc/sysctl.d/30-x.conf': key('eth*', 3) + key('*', 2) }, 2, 2, 2, 2),
  {
    name: '/etc/sysctl.conf',
    files: { '/etc/sysctl.d/30-x.conf': key('eth0', 2), '/etc/sysctl.conf': key('eth0', 5) },
    systemd: [0, 0, 2, 0],
    procps: [0, 0, 5, 0],
  },
  {
    name: 'a glob in /etc/sysctl.conf',
    files: { '/etc/sysctl.d/30-x.conf': key('eth0', 3), '/etc/sysctl.conf': key('*', 5) },
    systemd: [0, 0, 3, 0],
    procps: [5, 5, 3, 5],
  },
  both(
    'an empty file hides its namesake',
    { '/usr/lib/sysctl.d/30-x.conf': key('eth0', 3), '/etc/sysctl.d/30-x.conf': '' },
    0,
    0,
    0,
    0,
  ),
  both(
    'comments, blanks, tabs, a word behind the number',
    {
      '/etc/sysctl.d/30-x.conf':
        '# net.ipv4.conf.eth0.arp_ignore=9\n  ; x\n\nnet.ipv4.conf.eth0.arp_ignore=3 # why\nnet.ipv4.conf.all.arp_ignore\t=\t2\n',
    },
    2,
    0,
    3,
    0,
  ),
  both('brackets and question marks', { '/etc/sysctl.d/30-x.conf': key('[e]th?', 3) }, 0, 0, 3, 0),
  both(
    'a glob in slash form, and no new line at the end',
    { '/etc/sysctl.d/30-x.conf': 'net/ipv4/conf/*/arp_ignore=3' },
    3,
    3,
    3,
    3,
  ),
  both(
    'the last of several lines for one key',
    { '/etc/sysctl.d/30-x.conf': key('eth0', 1) + key('eth0', 2) },
    0,
    0,
    2,
    0,
  ),
];
