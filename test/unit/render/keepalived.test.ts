import { describe, expect, it } from 'vitest';
import { type KeepalivedOptions, renderKeepalived } from '../../../src/render/keepalived.ts';
import { decodeRequest } from '../../../src/udp/protocol.ts';
import { farmConfig, ip } from './fixture.ts';

const udp: KeepalivedOptions = { check: 'udp', tcpCheck: false, fwmark: null };

function text(options: Partial<KeepalivedOptions> = {}, changes = {}): string {
  const rendered = renderKeepalived(farmConfig(changes), { ...udp, ...options });
  if (rendered.kind !== 'text') throw new Error(rendered.because);
  return rendered.text;
}

describe('renderKeepalived', () => {
  it.each([
    ['udp', {}],
    ['misc', { check: 'misc', tcpCheck: true }],
    ['fwmark', { fwmark: 10 }],
  ] as const)('writes what was reviewed: %s', async (name, options) => {
    await expect(text(options)).toMatchFileSnapshot(`golden/keepalived-${name}.conf`);
  });

  it('asks the responder for exactly this VIP and service', () => {
    const payload = /payload ([0-9a-f]+)/.exec(text())?.[1] ?? '';
    const request = decodeRequest(Buffer.from(payload, 'hex'));
    expect(request?.type).toBe('vote');
    expect(request?.subject).toEqual({ vip: '192.0.2.10', service: { protocol: 'udp', port: 53 } });
  });

  it('gives each VIP only the real servers of its family', () => {
    const blocks = text().split('\nvirtual_server ').slice(1);
    const ripsOf = (block: string): string[] => [...block.matchAll(/real_server (\S+)/g)].map(([, rip]) => rip ?? '');
    expect(blocks.map((block) => [block.split(' {')[0], ripsOf(block)])).toEqual([
      ['192.0.2.10 53', ['10.0.0.11', '10.0.0.12']],
      ['192.0.2.10 53', ['10.0.0.11', '10.0.0.12']],
      ['192.0.2.11 443', ['10.0.0.11', '10.0.0.12']],
      ['2001:db8::10 53', ['fd00::11']],
    ]);
  });

  it('keeps one server in rotation when every check fails: the one with the greatest weight', () => {
    expect(text()).toContain('quorum 1\n    sorry_server 10.0.0.12 53');
  });

  it.each([
    ['no farm', { farm: null }, 'names no real servers'],
    ['no services', { vips: [{ address: ip('192.0.2.10'), device: 'lo', services: [] }] }, 'no VIP has a service'],
    [
      'a family without real servers',
      { farm: { scheduler: 'rr', realServers: [{ rip: ip('10.0.0.11'), weight: 1 }] } },
      'VIP 2001:db8::10 is IPv6',
    ],
  ])('refuses %s, and says what to do', (_, changes, because) => {
    const rendered = renderKeepalived(farmConfig(changes as object), udp);
    expect(rendered).toMatchObject({ kind: 'refused', because: expect.stringContaining(because) });
  });
});
