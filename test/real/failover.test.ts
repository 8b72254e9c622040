// Two directors with real IPVS and VRRP, two real servers prepared by rsprep, a client that never pauses.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Started, sleep } from '../support/process.ts';
import { type ArpWatch, watchArp } from './support/arp-watch.ts';
import { directorMac, startDirector, startKeepalived } from './support/director.ts';
import { type Host, type Lan, makeLan } from './support/net.ts';
import { type Agent, agentOn } from './support/real-server.ts';
import { ask, askOn, serve, shares } from './support/traffic.ts';
import type { Guest } from './support/uml.ts';

const VIP = '10.0.0.100';
const DIRECTORS = ['10.0.0.2', '10.0.0.3'] as const;
const RIPS = ['10.0.0.11', '10.0.0.12'] as const;
const PORT = 5353;

let lan: Lan;
let directors: Guest[];
let client: Host;
let servers: Host[];
let agents: Agent[];
let watch: ArpWatch;
const started: Started[] = [];

const CONFIG = {
  vips: [{ address: VIP, services: [`udp/${PORT}`] }],
  directors: DIRECTORS,
  farm: { scheduler: 'rr', realServers: RIPS.map((rip) => ({ rip })) },
};

/** VRRP with adverts every 50 ms: a director that dies is missed after 0.2 s. The rest is as rendered. */
const configuration = (priority: number, rendered: string): string => `
  vrrp_instance farm {
    state BACKUP
    interface vec0
    virtual_router_id 51
    priority ${priority}
    version 3
    advert_int 0.05
    virtual_ipaddress {
      ${VIP}/32
    }
  }
${rendered}`;

beforeAll(async () => {
  lan = makeLan();
  directors = await Promise.all(DIRECTORS.map((address, n) => startDirector(lan, { name: `dir${n}`, address })));
  client = lan.host('client', '10.0.0.50/24');
  servers = RIPS.map((rip, n) => lan.host(`rs${n}`, `${rip}/24`));
  const watcher = lan.host('watcher', '10.0.0.60/24');
  watch = await watchArp(watcher, {
    ...{ vip: VIP, rip: RIPS[0], source: '10.0.0.60', ratePerS: 2000 },
    mac: servers[0]?.mac ?? '',
  });
  agents = servers.map((host) => agentOn(host, CONFIG));
  for (const [n, agent] of agents.entries()) {
    agent.runOr2('apply'); // 2: the service, which needs the VIP, is not there yet
    started.push(await serve(servers[n] as Host, `rs${n}`, VIP, PORT), await agent.respond());
  }
  const rendered = agents[0]?.run('render', 'keepalived') ?? '';
  for (const [n, director] of directors.entries()) {
    await startKeepalived(director, configuration(200 - 50 * n, rendered));
  }
}, 300_000);

afterAll(async () => {
  watch?.stop();
  for (const { child } of started) child.kill('SIGKILL');
  for (const agent of agents ?? []) agent.remove();
  await Promise.all((directors ?? []).map((director) => director.stop()));
  lan?.remove();
});

const holdsVip = async (director: Guest): Promise<boolean> =>
  (await director.ok('ip -4 address show dev vec0')).includes(VIP);

it('serves from both real servers, answered from the VIP', async () => {
  await expect.poll(() => holdsVip(directors[0] as Guest), { timeout: 10_000 }).toBe(true);
  const answers = await ask(client, 20, { protocol: 'udp', to: VIP, port: PORT });
  expect(shares(answers)).toEqual({ rs0: 10, rs1: 10 });
  expect(new Set(answers.map(({ from }) => from))).toEqual(new Set([VIP]));
});

it('clients go on when the active director dies; no real server ever answers ARP for the VIP', async () => {
  const load = askOn(client, { protocol: 'udp', to: VIP, port: PORT, gapMs: 10 });
  await sleep(500);
  await directors[0]?.stop();
  await expect.poll(() => holdsVip(directors[1] as Guest), { timeout: 5000, interval: 20 }).toBe(true);
  await sleep(700);
  const answers = await load.stop();

  const lost = answers.filter(({ by }) => by === null).map(({ at }) => at);
  const outageMs = (lost.at(-1) ?? 0) - (lost[0] ?? 0);
  console.log(`director failover: ${answers.length} asked, ${lost.length} lost, all within ${outageMs} ms`);
  expect(outageMs).toBeLessThan(1500);
  expect(Object.keys(shares(answers.slice(-20))).sort()).toEqual(['rs0', 'rs1']);

  const macs = await watch.macs();
  const rsMacs = servers.map(({ mac }) => mac);
  expect(macs).toContain(directorMac(DIRECTORS[1])); // the watcher sees who answers
  expect(macs.filter((mac) => rsMacs.includes(mac))).toEqual([]);
});
