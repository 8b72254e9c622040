import { describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { EXAMPLES } from './example.ts';

// Generous: the machine may be busy with the tests that need a kernel.
vi.setConfig({ testTimeout: 30_000 });

const desired = async (text: string, options = {}) => {
  const result = await parseConfig(text, 'f', options);
  if (result.kind === 'invalid') throw new Error(JSON.stringify(result.errors));
  return result.desired;
};

describe('a valid configuration', () => {
  it('may say no more than its VIPs', async () => {
    expect(await desired('version: 1\nvips: [192.0.2.10]\n')).toEqual({
      vips: [{ address: '192.0.2.10', device: 'lo', services: [] }],
      rip: null,
      directors: [],
      role: 'real-server',
      persist: true,
      responder: {
        ...{ port: 5300, intervalMs: 1_000, leaseMs: 5_000, onDrift: 'silent' },
        ...{ unknownGraceMs: 60_000, stopGraceMs: 2_000 },
      },
      report: { textfile: null, remindMs: 86_400_000 },
      ignore: [],
      farm: null,
    });
  });

  it('may say everything: the example of the documentation', async () => {
    expect(EXAMPLES.length).toBeGreaterThan(0);
    expect(await desired(EXAMPLES[0] ?? '')).toEqual({
      vips: [
        { address: '192.0.2.10', device: 'lo', services: [] },
        {
          address: '192.0.2.11',
          device: 'lo',
          services: [
            { protocol: 'tcp', port: 443 },
            {
              ...{ protocol: 'udp', port: 53 },
              probe: { send: '1234010000010000000000000000010001', expect: '12348180' },
            },
          ],
        },
        { address: '2001:db8::10', device: 'lo', services: [] },
      ],
      rip: '10.0.0.11',
      directors: ['10.0.0.2', '10.0.0.3'],
      role: 'real-server',
      persist: true,
      responder: {
        ...{ port: 5300, intervalMs: 1_000, leaseMs: 5_000, onDrift: 'silent' },
        ...{ unknownGraceMs: 60_000, stopGraceMs: 2_000 },
      },
      report: { textfile: '/var/lib/prometheus/node-exporter/rsprep.prom', remindMs: 86_400_000 },
      ignore: [{ id: 'arp-ignore@eth9', reason: 'lab NIC, carries no VIP traffic', until: '2027-01-31' }],
      farm: {
        scheduler: 'rr',
        realServers: [
          { rip: '10.0.0.11', weight: 1 },
          { rip: '10.0.0.12', weight: 2 },
        ],
      },
    });
  });

  it.each([
    ['no VIP, if that is meant', 'version: 1\nvips: []\n', { allowEmpty: true }, { vips: [] }],
    [
      "addresses in the kernel's form",
      'version: 1\nvips: ["2001:0DB8:0:0::10"]\n',
      {},
      { vips: [{ address: '2001:db8::10', device: 'lo', services: [] }] },
    ],
    ['CR LF', 'version: 1\r\nvips:\r\n  - 192.0.2.10\r\npersist: false\r\n', {}, { persist: false }],
    ['a document mark', '---\nversion: 1\nvips: [192.0.2.10]\n...\n', {}, { persist: true }],
    [
      'letters of other languages in a reason',
      'version: 1\nvips: [192.0.2.10]\nignore: [{id: a, reason: Prüfstand}]\n',
      {},
      { ignore: [{ id: 'a', reason: 'Prüfstand', until: null }] },
    ],
    [
      'a folded reason',
      'version: 1\nvips: [192.0.2.10]\nignore:\n  - id: a\n    reason: >-\n      lab\n      NIC\n',
      {},
      { ignore: [{ id: 'a', reason: 'lab NIC', until: null }] },
    ],
    [
      'another device',
      'version: 1\nvips: [{address: 192.0.2.10, device: eth0.100}]\n',
      {},
      { vips: [{ address: '192.0.2.10', device: 'eth0.100', services: [] }] },
    ],
    [
      'itself as director, with localnode',
      'version: 1\nvips: [192.0.2.10]\nrole: localnode\nrip: 10.0.0.2\ndirectors: [10.0.0.2]\n',
      {},
      { role: 'localnode', rip: '10.0.0.2' },
    ],
    ['tcp and udp on one port', 'version: 1\nvips: [{address: 192.0.2.10, services: [tcp/53, udp/53]}]\n', {}, {}],
    ['a link-local RIP', 'version: 1\nvips: [192.0.2.10]\nrip: 169.254.1.1\n', {}, { rip: '169.254.1.1' }],
    [
      'a weight of 0, and the default scheduler',
      'version: 1\nvips: [192.0.2.10]\nfarm: {realServers: [{rip: 10.0.0.11, weight: 0}]}\n',
      {},
      { farm: { scheduler: 'wlc', realServers: [{ rip: '10.0.0.11', weight: 0 }] } },
    ],
    ['no grace at all', 'version: 1\nvips: [192.0.2.10]\nresponder: {unknownGrace: 0s, stopGrace: 0ms}\n', {}, {}],
    ['a lease with the default interval', 'version: 1\nvips: [192.0.2.10]\nresponder: {lease: 1001ms}\n', {}, {}],
    [
      'capital hexadecimal digits',
      'version: 1\nvips: [{address: 192.0.2.10, services: [{port: tcp/25, probe: {send: "", expect: "AB"}}]}]\n',
      {},
      {
        vips: [
          {
            address: '192.0.2.10',
            device: 'lo',
            services: [{ protocol: 'tcp', port: 25, probe: { send: '', expect: 'ab' } }],
          },
        ],
      },
    ],
  ])('may have %s', async (_, text, options, part) => {
    expect(await desired(text, options)).toMatchObject(part);
  });
});
