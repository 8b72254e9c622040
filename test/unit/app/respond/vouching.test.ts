// What a judgement means for each thing the responder is asked about.
import { describe, expect, it } from 'vitest';
import { looksOf, subjectsOf } from '../../../../src/app/respond/vouching.ts';
import type { Judgement } from '../../../../src/core/judge.ts';
import type { Service } from '../../../../src/core/model/desired.ts';
import type { Finding } from '../../../../src/core/model/finding.ts';
import { VIP, VIP6, vip, wanted } from '../../core/checks/host.ts';
import { unknownOf, wrongOf } from '../../core/report/support.ts';

const HTTP: Service = { protocol: 'tcp', port: 80 };
const DNS: Service = { protocol: 'udp', port: 53 };
const subjects = subjectsOf(wanted({ vips: [vip(VIP, [HTTP, DNS]), vip(VIP6, [HTTP])] }));
const looks = (...unfolded: readonly Finding[]): Readonly<Record<string, string>> => {
  const judgement: Judgement = { findings: unfolded, unfolded, ignored: [] };
  return Object.fromEntries([...looksOf(judgement, subjects)].map(([name, { judged }]) => [name, judged]));
};
const all = (judged: string): Readonly<Record<string, string>> =>
  Object.fromEntries(subjects.map(({ name }) => [name, judged]));
const silent = { vouch: 'silence', vips: [VIP] } as const;

describe('a finding that silences', () => {
  it('without VIPs is everybody’s', () => {
    expect(looks(wrongOf('device-down', 'lo', { vouch: 'silence' }))).toEqual(all('unfit'));
  });

  it('of a VIP is that VIP’s, its services’ and the host’s', () => {
    const [host, address, http, dns] = ['host', VIP, `${VIP} tcp/80`, `${VIP} udp/53`];
    const unfit = { [host]: 'unfit', [address]: 'unfit', [http]: 'unfit', [dns]: 'unfit' };
    expect(looks(wrongOf('vip-missing', VIP, silent))).toEqual({ ...all('fit'), ...unfit });
  });

  it('of one service is not its neighbours’, whatever the subject reads like', () => {
    const found = wrongOf('service-missing', `${VIP}/udp/53`, { ...silent, service: HTTP });
    expect(looks(found)).toEqual({ ...all('fit'), host: 'unfit', [VIP]: 'unfit', [`${VIP} tcp/80`]: 'unfit' });
  });
});

it('a finding that alarms means nothing here', () => {
  expect(looks(wrongOf('arp-ignore', 'all', { severity: 'critical' }))).toEqual(all('fit'));
});

describe('a check that could not look', () => {
  it('leaves the verdict open where it could have silenced', () => {
    expect(looks(unknownOf('vip-missing', null))).toEqual(all('unknown'));
    expect(looks(unknownOf('vip-missing', null, true))).toEqual(all('fit'));
  });

  it('leaves it alone where it could only have alarmed: an old kernel cannot be asked about a service’s sockets', () => {
    for (const check of ['service-source', 'firewall-drops', 'arp-ignore'])
      expect(looks(unknownOf(check, null))).toEqual(all('fit'));
  });
});
