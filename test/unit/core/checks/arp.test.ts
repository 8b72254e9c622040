// The two ARP keys, every value the kernel takes: what counts is the larger of `all` and the interface.
import { describe, expect, it } from 'vitest';
import { ARP_KEYS_BACKWARDS, forEachArpKey, MANAGED } from '../../../../src/core/model/arp-settings.ts';
import { absent, unreadable, value } from '../../../../src/core/model/reading.ts';
import { arp, arpReadings, type Case, eth0, found, judged, link, lo } from './host.ts';

/** all, eth0 → severity, or nothing; conf/default as apply leaves it. */
const ignore = (all: number, own: number): Case => ({
  observed: { arp: arp({ all: [all, 2], default: [1, 2], lo: [0, 0], eth0: [own, 0] }) },
});
const announce = (all: number, own: number): Case => ({
  observed: { arp: arp({ all: [1, all], default: [1, 2], lo: [0, 0], eth0: [0, own] }) },
});

/** Measured: 1 and 2 are silent, 3 leaks a VIP of scope global, 8 silences the RIP too, everything else leaks. */
const IGNORE: Readonly<Record<number, string>> = {
  [-1]: 'critical',
  0: 'critical',
  1: '',
  2: 'advice',
  3: 'critical',
  4: 'critical',
  5: 'critical',
  6: 'critical',
  7: 'critical',
  8: 'high',
  9: 'critical',
};
const ANNOUNCE: Readonly<Record<number, string>> = {
  [-1]: 'critical',
  0: 'critical',
  1: 'critical',
  2: '',
  3: 'critical',
  4: 'critical',
  9: 'critical',
};
const VALUES = Object.keys(IGNORE).map(Number);
const worst = (given: Case, check: string): string =>
  found(given)
    .filter((line) => line.includes(` ${check}@`))
    .map((line) => line.split(' ')[0] ?? '')[0] ?? '';

describe('arp_ignore', () => {
  for (const all of VALUES) {
    it.each(VALUES)(`all=${all}, eth0=%i`, (own) => {
      // conf/default is 1: the next interface counts as well, unless it is right by 2 on all.
      const wanted = [IGNORE[Math.max(all, own)], IGNORE[Math.max(all, 1)]];
      const ranks = ['critical', 'high', 'advice', ''];
      expect(worst(ignore(all, own), 'arp-ignore')).toBe(ranks.find((rank) => wanted.includes(rank)));
    });
  }

  it.each<readonly [string, Case, readonly string[]]>([
    [
      'lo is never consulted',
      { observed: { arp: arp({ all: [0, 2], default: [1, 2], lo: [1, 2], eth0: [0, 0] }) } },
      ['critical arp-ignore@all'],
    ],
    ['an interface that overrides all is named', ignore(1, 4), ['critical arp-ignore@eth0']],
    ['both wrong: the interface is named, and fixing it sets all too', ignore(0, 4), ['critical arp-ignore@eth0']],
    [
      'default overrides all for the next interface',
      { observed: { arp: arp({ all: [1, 2], default: [4, 2], eth0: [0, 0] }) } },
      ['critical arp-ignore@default'],
    ],
    [
      'default as the kernel has it',
      { observed: { arp: arp({ all: [1, 2], default: [0, 2], eth0: [0, 0] }) } },
      ['advice arp-ignore@default'],
    ],
    [
      'every interface right by itself, and nothing for the next one',
      { observed: { arp: arp({ all: [0, 2], default: [0, 2], eth0: [1, 0] }) } },
      ['critical arp-ignore@all'],
    ],
    [
      'a bridge port counts once it is freed',
      {
        observed: {
          links: value([lo, eth0, link('tap0', 9, [], { portKind: 'bridge', master: 'br0' as never })]),
          arp: arp({ all: [1, 2], default: [1, 2], eth0: [0, 0], tap0: [4, 0] }),
        },
      },
      ['advice arp-ignore@tap0'],
    ],
    [
      'a name with a dot is one interface',
      { observed: { arp: arp({ all: [1, 2], default: [1, 2], eth0: [0, 0], 'eth0.100': [3, 0] }) } },
      ['critical arp-ignore@eth0.100'],
    ],
  ])('%s', (_name, given, wanted) => expect(found(given)).toEqual(wanted));
});

describe('arp_announce', () => {
  const values = Object.keys(ANNOUNCE).map(Number);
  for (const all of values) {
    it.each(values)(`all=${all}, eth0=%i`, (own) => {
      expect(worst(announce(all, own), 'arp-announce')).toBe(ANNOUNCE[Math.max(all, own)]);
    });
  }
});

describe('ARP keys that cannot be read', () => {
  const everyKey = (subject: string) => ARP_KEYS_BACKWARDS.map((key) => `unknown ${MANAGED[key].check.id}@${subject}`);
  it.each<readonly [string, Case, readonly string[]]>([
    ['none at all', { observed: { arp: absent } }, everyKey('all')],
    ['not for this user', { observed: { arp: unreadable('privilege', 'EACCES') } }, everyKey('all')],
    [
      'one interface',
      {
        observed: {
          arp: value(
            new Map([
              ['all', arpReadings({})],
              ['eth0', forEachArpKey(() => unreadable('io', 'EIO'))],
            ]),
          ),
        },
      },
      everyKey('eth0'),
    ],
  ])('%s', (_name, given, wanted) => expect(found(given)).toEqual(wanted));
});

describe('what apply would do about it', () => {
  const actions = (given: Case) =>
    judged(given)
      .unfolded.flatMap((f) => (f.kind === 'wrong' ? f.actions : []))
      .flatMap((a) => (a.kind === 'set-sysctl' ? [`${a.setting.scope}/${a.setting.key}=${a.to}`] : []));
  it('sets all, and whatever interface overrides it', () => {
    expect(actions(ignore(0, 0))).toContain('all/arp_ignore=1');
    expect(actions(ignore(1, 8))).toContain('eth0/arp_ignore=1');
    expect(actions(announce(2, 3))).toContain('eth0/arp_announce=2');
    expect(actions(ignore(2, 0))).toEqual([]);
  });
});
