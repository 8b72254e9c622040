import { describe, expect, it } from 'vitest';
import { renderIpvsadm } from '../../../src/render/ipvsadm.ts';
import { type LocalnodeOptions, renderLocalnode } from '../../../src/render/localnode.ts';
import { renderWindows } from '../../../src/render/windows.ts';
import { farmConfig, ip } from './fixture.ts';

describe('renderIpvsadm', () => {
  it.each([null, 10])('writes what was reviewed, fwmark %s', async (fwmark) => {
    const rendered = renderIpvsadm(farmConfig(), { fwmark });
    await expect(rendered.kind === 'text' ? rendered.text : rendered).toMatchFileSnapshot(
      `golden/ipvsadm-${fwmark ?? 'address'}.sh`,
    );
  });
});

describe('renderLocalnode', () => {
  const options: LocalnodeOptions = {
    directors: [
      { address: ip('10.0.0.2'), mac: '02:00:00:00:00:02' },
      { address: ip('10.0.0.3'), mac: '02:00:00:00:00:0A' },
    ],
    rules: 'nftables',
    balancer: 'keepalived',
    check: 'udp',
    fwmark: 1,
  };

  it.each(['nftables', 'iptables'] as const)('writes what was reviewed: %s', async (rules) => {
    const rendered = renderLocalnode(farmConfig(), { ...options, rules });
    const hosts = rendered.kind === 'hosts' ? rendered.hosts : [];
    await expect(hosts.map(({ rules: text }) => text).join('\n')).toMatchFileSnapshot(`golden/localnode-${rules}.txt`);
  });

  it('excludes on each host the MAC of the other, never its own', () => {
    const rendered = renderLocalnode(farmConfig(), options);
    const [first, second] = rendered.kind === 'hosts' ? rendered.hosts : [];
    expect(first?.rules).toContain('02:00:00:00:00:0a');
    expect(first?.rules).not.toContain('02:00:00:00:00:02');
    expect(second?.rules).toContain('02:00:00:00:00:02');
    expect(second?.rules).not.toContain('02:00:00:00:00:0a');
  });

  it('gives the virtual services the marks that the rules set', () => {
    const rendered = renderLocalnode(farmConfig(), options);
    const host = rendered.kind === 'hosts' ? rendered.hosts[0] : undefined;
    const set = [...(host?.rules ?? '').matchAll(/mark set (\d+)/g)].map(([, mark]) => mark);
    const used = [...(host?.balancer ?? '').matchAll(/virtual_server fwmark (\d+)/g)].map(([, mark]) => mark);
    expect([...new Set(set)]).toEqual(used);
  });

  it('refuses a single director', () => {
    expect(renderLocalnode(farmConfig(), { ...options, directors: [] })).toMatchObject({ kind: 'refused' });
  });

  it('refuses what would leave a director without an exclusion, and MACs that no NIC has', () => {
    const [a, b] = options.directors;
    if (!a || !b) throw new Error('two directors');
    for (const directors of [
      [a, { ...a, mac: b.mac }],
      [a, { ...b, mac: a.mac }],
      [a, { ...b, mac: 'ff:ff:ff:ff:ff:ff' }],
      [a, { ...b, mac: '00:00:00:00:00:00' }],
    ])
      expect(renderLocalnode(farmConfig(), { ...options, directors })).toMatchObject({ kind: 'refused' });
  });

  it('refuses marks beyond 32 bits', () => {
    expect(renderLocalnode(farmConfig(), { ...options, fwmark: 4_294_967_295 })).toMatchObject({ kind: 'refused' });
  });
});

describe('renderWindows', () => {
  const rendered = renderWindows(farmConfig());
  const text = rendered.kind === 'text' ? rendered.text : '';

  it('writes what was reviewed', async () => {
    await expect(text.replaceAll('\r\n', '\n')).toMatchFileSnapshot('golden/windows.ps1');
  });

  it('names every VIP with the mask of one address, in Windows line ends', () => {
    expect(text).toContain(
      "@{ Address = '192.0.2.10'; PrefixLength = 32; Family = 'IPv4'; Services = @('UDP/53', 'TCP/53') }",
    );
    expect(text).toContain("Address = '2001:db8::10'; PrefixLength = 128");
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text).not.toContain('{{');
  });

  it('says in its header that it was not run on Windows', () => {
    expect(text).toContain('has not been run on Windows');
  });

  it('removes the VIPs before it gives up the weak host settings', () => {
    const undo = text.slice(text.indexOf('if ($Undo)'));
    expect(undo.indexOf('Remove-Vip')).toBeLessThan(undo.indexOf('Set-WeakHost'));
  });
});
