// Real IPVS on the director, filled by what `rsprep render ipvsadm` writes; real servers and client on the host's kernel.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LO } from '../../src/core/model/names.ts';
import { renderIpvsadm } from '../../src/render/ipvsadm.ts';
import type { Started } from '../support/process.ts';
import { farmConfig, ip } from '../unit/render/fixture.ts';
import { holdVips, startDirector } from './support/director.ts';
import { type Host, type Lan, makeLan } from './support/net.ts';
import { preparedByHand } from './support/real-server.ts';
import { ask, serve, shares } from './support/traffic.ts';
import type { Guest } from './support/uml.ts';

const VIPS = ['10.0.0.100', 'fd00::100'] as const;
const RIPS = [
  ['10.0.0.11', 'fd00::11'],
  ['10.0.0.12', 'fd00::12'],
] as const;
const PORT = 5353;
/** UDP services on every address: Node's own socket, and rsprep's. */
const PLAIN = 5454;
const PKTINFO = 5455;

let lan: Lan;
let director: Guest;
let client: Host;
const started: Started[] = [];

beforeAll(async () => {
  lan = makeLan();
  director = await startDirector(lan, { name: 'director', address: '10.0.0.2', address6: 'fd00::2' });
  await holdVips(director, VIPS);
  client = lan.host('client', '10.0.0.50/24', 'fd00::50/64');
  for (const [n, rips] of RIPS.entries()) {
    const host = preparedByHand(lan, `rs${n + 1}`, rips, VIPS);
    started.push(await serve(host, `rs${n + 1}`, VIPS, PORT));
    for (const wildcard of ['0.0.0.0', '::']) {
      const port = (base: number): number => (wildcard === '::' ? base + 10 : base);
      started.push(await serve(host, `rs${n + 1}`, wildcard, port(PLAIN)));
      started.push(await serve(host, `rs${n + 1}`, wildcard, port(PKTINFO), 'rsprep/udp'));
    }
  }
  const udp = (port: number) => ({ protocol: 'udp', port }) as const;
  const rendered = renderIpvsadm(
    farmConfig({
      vips: VIPS.map((address) => ({
        address: ip(address),
        device: LO,
        services: [
          { protocol: 'tcp', port: PORT },
          ...[PORT, PLAIN, PKTINFO].map((port) => udp(port === PORT ? port : ofFamily(port, address))),
        ],
      })),
      farm: { scheduler: 'rr', realServers: RIPS.flat().map((rip) => ({ rip: ip(rip), weight: 1 })) },
    }),
    { fwmark: null },
  );
  if (rendered.kind !== 'text') throw new Error(rendered.because);
  await director.ok(`cat > /run/director.sh <<'END'\n${rendered.text}END\nsh /run/director.sh`);
}, 300_000);

afterAll(async () => {
  for (const { child } of started) child.kill('SIGKILL');
  await director?.stop();
  lan?.remove();
});

const ofFamily = (port: number, vip: string): number => (vip.includes(':') ? port + 10 : port);

describe.each(VIPS)('direct routing with IPVS, %s', (vip) => {
  it.each(['udp', 'tcp'] as const)(
    '%s requests are spread over the real servers and answered from the VIP',
    async (protocol) => {
      const answers = await ask(client, 40, { protocol, to: vip, port: PORT });
      expect(shares(answers)).toEqual({ rs1: 20, rs2: 20 });
      expect(new Set(answers.map(({ from }) => from))).toEqual(new Set([vip]));
    },
  );

  it('a plain wildcard UDP socket answers from its own address, and a client of the VIP loses it', async () => {
    const port = ofFamily(PLAIN, vip);
    const seen = await ask(client, 4, { protocol: 'udp', to: vip, port });
    expect(seen.map(({ from }) => from).sort()).toEqual(
      RIPS.flatMap((rips) =>
        rips.filter((rip) => rip.includes(':') === vip.includes(':')).flatMap((rip) => [rip, rip]),
      ),
    );
    const lost = await ask(client, 4, { protocol: 'udp-connected', to: vip, port, timeoutMs: 300 });
    expect(shares(lost)).toEqual({ nobody: 4 });
  });

  it('a wildcard socket of rsprep/udp answers from the VIP', async () => {
    const port = ofFamily(PKTINFO, vip);
    const answers = await ask(client, 20, { protocol: 'udp-connected', to: vip, port });
    expect(shares(answers)).toEqual({ rs1: 10, rs2: 10 });
    expect(new Set(answers.map(({ from }) => from))).toEqual(new Set([vip]));
  });
});
