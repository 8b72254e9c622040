import { describe, expect, test } from 'vitest';
import { plan } from '../../../src/app/plan.ts';
import { verify } from '../../../src/app/verify.ts';
import { emptyDesired } from '../../../src/core/model/desired.ts';
import type { Finding } from '../../../src/core/model/finding.ts';
import type { InterfaceName, Ip } from '../../../src/core/model/names.ts';
import { unreadable } from '../../../src/core/model/reading.ts';
import { inWords } from '../../../src/core/report/report.ts';
import { makeStyle, wantsColour } from '../../../src/format/style.ts';
import { renderText as render } from '../../../src/format/text.ts';
import { address, arpValues, FakeHost, type FakeState } from '../../support/fake-host.ts';

const VIP = '192.0.2.10' as Ip;
const desired = { ...emptyDesired, vips: [{ address: VIP, device: 'lo' as InterfaceName, services: [] }] };
const state = (): FakeState => ({
  links: [
    { name: 'lo', up: true, kind: 'loopback', addresses: [], arp: arpValues() },
    { name: 'eth0', up: true, kind: 'nic', addresses: [], arp: arpValues({ arp_ignore: 3 }) },
  ],
  all: arpValues({ arp_ignore: 1, arp_announce: 2 }),
  default: arpValues({ arp_ignore: 1, arp_announce: 2 }),
  promoteSecondaries: false,
  files: {},
});
const NOT_APPLIED = { ...emptyDesired, persist: false };
const nothing = { findings: [], unfolded: [], ignored: [] };
const blind = (forLackOfPrivilege: boolean): Finding => ({
  ...{ kind: 'unknown', id: 'ledger@file', check: 'ledger', subject: 'file', severity: 'high' },
  ...{ reason: 'it cannot be read', wouldHelp: 'root', forLackOfPrivilege },
});
const renderText = (...what: Parameters<typeof render>): string => render(...what).toString();
const plain = { style: makeStyle(false), verbose: false, quiet: false };

describe('text', () => {
  test('a finding says what was seen, wanted, why, and how to fix it; the last line is the verdict', () => {
    const text = renderText(verify(new FakeHost(state(), [VIP]), desired, { strict: false }), plain);
    expect(text).toContain(
      'CRITICAL arp-ignore@eth0  pending\n  seen    conf/eth0/arp_ignore=3 with conf/all=1: effective 3\n',
    );
    expect(text).toContain('HIGH     vip-missing@192.0.2.10  pending\n');
    expect(text.trimEnd().split('\n').at(-1)).toBe('fake: not as wanted, 1 VIP: 1 critical, 1 high');
  });

  test('what blinds many checks is said once, and names them all', () => {
    const host = new FakeHost(state(), [VIP]);
    const observe = host.observe.bind(host);
    host.observe = (wanted, forChange) => ({
      ...observe(wanted, forChange),
      links: unreadable('io', 'ip(8) is broken'),
    });
    const text = renderText(verify(host, desired, { strict: false }), plain);
    expect(text.match(/could not look: ip\(8\) is broken/g)).toHaveLength(1);
    expect(text).toMatch(/likewise .*vip-missing/);
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^fake: not as wanted, 1 VIP: 1 critical, \d+ unknown$/);
    expect(inWords({ ...nothing, findings: [blind(false)] })).toBe('could not tell');
    expect(inWords({ ...nothing, findings: [blind(true)] })).toBe('prepared, as far as this user can see');
  });

  test('a plan says what it leaves, and never that a host is as wanted when it is not', () => {
    const host = new FakeHost(state(), [VIP]);
    const nic = host.state.links[1];
    if (!nic) throw new Error('expected a NIC');
    nic.addresses.push(address('10.0.0.11' as Ip, 24), address(VIP, 32));
    const text = renderText(plan(host, desired, { 'take-from-nic': false, prune: false }), plain);
    expect(text).toContain('  left    vip-on-nic@192.0.2.10: fixing it needs --take-from-nic\n');
    expect(text).not.toContain('as the configuration wants it');
    const silent = { ...state(), links: state().links.slice(0, 1) };
    const empty = renderText(
      plan(new FakeHost(silent, []), NOT_APPLIED, { 'take-from-nic': false, prune: false }),
      plain,
    );
    expect(empty).toContain('as the configuration wants it');
  });

  test('colours appear only where asked for, and text from the host cannot steer the terminal', () => {
    const host = new FakeHost(state(), [VIP]);
    host.hostName = () => 'web\u001b[2J1';
    const report = verify(host, desired, { strict: false });
    expect(renderText(report, plain)).not.toContain('\u001b');
    expect(renderText(report, { ...plain, style: makeStyle(true) })).toContain('\u001b[31mCRITICAL\u001b[39m');
    expect(renderText(report, { ...plain, style: makeStyle(true) })).not.toContain('\u001b[2J');
  });

  test('NO_COLOR, --no-color, a pipe and a dumb terminal mean no colour', () => {
    expect(wantsColour(true, {}, true)).toBe(true);
    expect(wantsColour(true, { NO_COLOR: '1' }, true)).toBe(false);
    expect(wantsColour(true, { NO_COLOR: '' }, true)).toBe(true);
    expect(wantsColour(true, {}, false)).toBe(false);
    expect(wantsColour(false, {}, true)).toBe(false);
    expect(wantsColour(true, { TERM: 'dumb' }, true)).toBe(false);
  });
});
