import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Called, call } from '../call.ts';

let folder: string;
const CONFIG = `version: 1
vips:
  - address: 192.0.2.10
    services: [udp/53]
directors: [10.0.0.2]
farm: {scheduler: rr, realServers: [{rip: 10.0.0.11}, {rip: 10.0.0.12, weight: 3}]}
`;

beforeAll(() => {
  // rsprep trusts no configuration that others could replace: the folder must not be below a world-writable one.
  folder = mkdtempSync(join(process.getuid?.() === 0 ? '/root' : tmpdir(), 'rsp-render-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function render(config: string, ...words: string[]): Promise<Called> {
  const file = join(folder, 'rsprep.yaml');
  writeFileSync(file, config, { mode: 0o644 });
  return call('-c', file, 'render', ...words);
}

const MACS = ['--mac', '10.0.0.2=02:00:00:00:00:02', '--mac', '10.0.0.3=02:00:00:00:00:03'];

describe('rsprep render', () => {
  it.each([
    ['keepalived', 'virtual_server 192.0.2.10 53 {'],
    ['keepalived --check misc', 'MISC_CHECK'],
    ['keepalived --fwmark 4', 'virtual_server fwmark 4 {'],
    ['ipvsadm', "service '-u 192.0.2.10:53' rr '10.0.0.11:53 1' '10.0.0.12:53 3'"],
    ['windows', "Address = '192.0.2.10'"],
  ])('%s', async (words, expected) => {
    const { code, out, err } = await render(CONFIG, ...words.split(' '));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(expected);
  });

  it('localnode: both hosts with headings, or one part of one host alone', async () => {
    const all = await render(CONFIG, 'localnode', ...MACS);
    expect(all.out.match(/^# =====.*$/gm)).toHaveLength(4);
    const one = await render(
      CONFIG,
      'localnode',
      ...MACS,
      '--host',
      '10.0.0.3',
      '--part',
      'rules',
      '--rules',
      'iptables',
    );
    expect(one.out.startsWith('#!/bin/sh\n')).toBe(true);
    expect(one.out).toContain('! --mac-source 02:00:00:00:00:02 ');
  });

  it.each([
    ['a farm that is not there', 'version: 1\nvips: [192.0.2.10]\n', ['keepalived'], 78, 'names no real servers'],
    [
      'a mark that is none',
      CONFIG,
      ['keepalived', '--fwmark', '0'],
      64,
      '--fwmark: expected a whole number from 1 to 4294967295',
    ],
    [
      'a MAC that is none',
      CONFIG,
      ['localnode', '--mac', '10.0.0.2=02:00'],
      64,
      '--mac: expected an address and a MAC',
    ],
    [
      'a host that is none of them',
      CONFIG,
      ['localnode', ...MACS, '--host', '10.0.0.9'],
      64,
      '--host: expected one of',
    ],
    ['a format', CONFIG, ['keepalived', '--format', 'json'], 64, '--format'],
  ])('refuses %s', async (_, config, words, code, message) => {
    const result = await render(config, ...words);
    expect(result).toMatchObject({ code, out: '' });
    expect(result.err).toContain(message);
  });
});
