import { type Started, sleep } from '../../support/process.ts';
import { holdVips, pools, startDirector, startKeepalived } from './director.ts';
import { type Host, type Lan, makeLan } from './net.ts';
import { type Agent, agentOn } from './real-server.ts';
import { type Answer, askOn, type Protocol, serve, serveLong, shares } from './traffic.ts';
import type { Guest } from './uml.ts';

/** A director with keepalived and the configuration that rsprep renders, two real servers that rsprep prepared, a client. */
export interface Farm {
  readonly lan: Lan;
  readonly director: Guest;
  readonly client: Host;
  readonly servers: readonly [Host, Host];
  readonly agents: readonly [Agent, Agent];
  /** As IPVS names them: `-u 10.0.0.100:5353`. */
  readonly services: readonly string[];
  /** What answers clients on real server `rs0` or `rs1`, and its responder; a test may replace what it killed. */
  readonly running: { services: [Started, Started]; responders: [Started, Started] };
  /** The configuration of the agents, and what keepalived got. */
  readonly config: FarmConfig;
  readonly rendered: string;
  /** Asks every service in turn, without pause, until stopped. */
  load(): { stop(): Promise<Answer[]> };
  /** Starts what clients are served by on a real server. */
  serve(n: 0 | 1): Promise<Started>;
  /** Waits until of `affected` exactly these real servers are in rotation, and of all other services both. */
  inRotation(servers: readonly (0 | 1)[], affected?: readonly string[], timeoutMs?: number): Promise<void>;
  remove(): Promise<void>;
}

export type FarmConfig = Readonly<Record<string, unknown>> & {
  readonly vips: readonly unknown[];
  readonly farm: { readonly realServers: readonly { readonly rip: string }[] };
};

export interface FarmOptions {
  /** Of either family; the real servers are 10.0.0.11 and .12, fd00::11 and ::12, the director 10.0.0.2 and fd00::2. */
  readonly vips: readonly string[];
  readonly protocols: readonly Protocol[];
  readonly port: number;
  readonly intervalMs: number;
  /** A TCP service of the first VIP whose connections last is on this port as well. */
  readonly longPort?: number;
  /** How keepalived asks: words for `rsprep render keepalived`, and how often where that is not `intervalMs`. */
  readonly render?: readonly string[];
  readonly askEveryMs?: number;
  /** How long keepalived may take to notice anything before the test gives up. Default 15 000. */
  readonly patienceMs?: number;
  /** Done to the director before keepalived starts. */
  readonly prepare?: (director: Guest) => Promise<unknown>;
}

const RIPS = [
  ['10.0.0.11', 'fd00::11'],
  ['10.0.0.12', 'fd00::12'],
] as const;

export async function startFarm(options: FarmOptions): Promise<Farm> {
  const { vips, port, protocols } = options;
  const names = protocols.map((protocol) => `${protocol}/${port}`);
  const long = options.longPort === undefined ? [] : [{ port: options.longPort, vip: vips[0] ?? '' }];
  const config = {
    vips: vips.map((address, n) => ({
      address,
      services: [...names, ...(n === 0 ? long.map((one) => `tcp/${one.port}`) : [])],
    })),
    directors: ['10.0.0.2', 'fd00::2'],
    responder: { interval: `${options.intervalMs}ms`, lease: `${2 * options.intervalMs}ms` },
    farm: { scheduler: 'rr', realServers: RIPS.flat().map((rip) => ({ rip })) },
  };
  const lan = makeLan();
  const director = await startDirector(lan, { name: 'director', address: '10.0.0.2', address6: 'fd00::2' });
  await holdVips(director, vips);
  await options.prepare?.(director);
  const client = lan.host('client', '10.0.0.50/24', 'fd00::50/64');
  const servers = RIPS.map(([rip, rip6], n) => lan.host(`rs${n}`, `${rip}/24`, `${rip6}/64`)) as [Host, Host];
  const agents = servers.map((host) => agentOn(host, config)) as [Agent, Agent];
  for (const agent of agents) agent.runOr2('apply'); // 2: the service, which needs the VIP, is not there yet
  const start = (n: 0 | 1): Promise<Started> => serve(servers[n], `rs${n}`, vips, port);
  const others = await Promise.all(
    long.flatMap(({ vip, port: at }) => servers.map((host, n) => serveLong(host, `rs${n}`, vip, at))),
  );
  const running: Farm['running'] = {
    services: await Promise.all([start(0), start(1)]),
    responders: await Promise.all([agents[0].respond(), agents[1].respond()]),
  };
  const { askEveryMs = options.intervalMs } = options;
  agents[0].configure({ ...config, responder: { interval: `${askEveryMs}ms`, lease: `${2 * askEveryMs}ms` } });
  const rendered = agents[0].run('render', 'keepalived', ...(options.render ?? []));
  agents[0].configure(config);
  await startKeepalived(director, rendered);
  const services = [
    ...vips.flatMap((vip) => protocols.map((protocol) => nameInIpvs(protocol, vip, port))),
    ...long.map((one) => nameInIpvs('tcp', one.vip, one.port)),
  ];
  const farm: Farm = {
    ...{ lan, director, client, servers, agents, services, running, config, rendered },
    load: () => askOn(client, { protocol: protocols, to: vips, port, gapMs: 10, timeoutMs: 3000 }),
    serve: start,
    inRotation: async (wanted, affected = services, timeoutMs = options.patienceMs ?? 15_000) => {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const found = await pools(director);
        const text = services.map((service) => `${service}: ${inside(found[service]).join(' and ') || 'nobody'}`);
        const expected = services.map((service) => {
          const rips = (affected.includes(service) ? wanted : ([0, 1] as const)).map((n) => ripOf(n, service));
          return `${service}: ${rips.join(' and ') || 'nobody'}`;
        });
        if (text.join() === expected.join()) return;
        if (Date.now() > deadline)
          throw new Error(
            `in rotation after ${timeoutMs} ms, expected:\n${expected.join('\n')}\nfound:\n${text.join('\n')}`,
          );
        await sleep(20);
      }
    },
    remove: async () => {
      for (const { child } of [...others, ...running.services, ...running.responders]) child.kill('SIGKILL');
      for (const agent of agents) agent.remove();
      await director.stop();
      lan.remove();
    },
  };
  await farm.inRotation([0, 1]);
  return farm;
}

const nameInIpvs = (protocol: Protocol, vip: string, port: number): string =>
  `${protocol === 'tcp' ? '-t' : '-u'} ${vip.includes(':') ? `[${vip}]` : vip}:${port}`;
export const ripOf = (n: 0 | 1, service: string): string => RIPS[n][service.includes('[') ? 1 : 0];
/** Those that get new flows. */
const inside = (servers: Readonly<Record<string, number>> = {}): string[] =>
  Object.keys(servers)
    .filter((rip) => (servers[rip] ?? 0) > 0)
    .sort();

export interface Fault {
  readonly name: string;
  /** To the second real server. */
  readonly strike: (farm: Farm) => unknown;
  readonly fix: (farm: Farm) => unknown;
  /** Services that must leave with it; by default all. */
  readonly affects?: (service: string) => boolean;
  /** The service itself goes on: no request may be lost at any time. */
  readonly serves: boolean;
}

export interface Course {
  readonly leftMs: number;
  readonly backMs: number;
  readonly asked: number;
  readonly lost: number;
}

/**
 * Strikes while a client asks without pause; the real server must leave, and come back once fixed. Throws when a request
 * of which nothing may be lost is: of services that the fault does not touch, of any that goes on, and, of those it does
 * touch, what is sent after keepalived has taken the server out.
 */
export async function leavesAndReturns(farm: Farm, fault: Fault): Promise<Course> {
  const affected = farm.services.filter(fault.affects ?? (() => true));
  const touched = ({ protocol, to }: Answer): boolean => affected.includes(nameInIpvs(protocol, to, portOf(farm)));
  const load = farm.load();
  await sleep(300);
  const struckAt = Date.now();
  fault.strike(farm);
  let leftAt = 0;
  let fixAt = 0;
  try {
    await farm.inRotation([0], affected);
    leftAt = Date.now();
    await sleep(500);
  } finally {
    fixAt = Date.now();
    await fault.fix(farm); // whatever came of it: the next test starts from a whole farm
  }
  const fixedAt = Date.now();
  await farm.inRotation([0, 1]);
  const backAt = Date.now();
  await sleep(400);
  const answers = await load.stop();

  const lost = answers.filter(({ by }) => by === null);
  const course = {
    leftMs: leftAt - struckAt,
    backMs: backAt - fixedAt,
    asked: answers.length,
    lost: lost.length,
  };
  console.log(
    `${fault.name}: asked ${course.asked}, lost ${course.lost}, left after ${course.leftMs} ms, back ${course.backMs} ms after the fix`,
  );
  const when = ({ at, protocol, to }: Answer): string =>
    `${protocol} ${to} ${at - struckAt} ms after the fault, ${at - leftAt} ms after it left`;
  const mayBeLost = (answer: Answer): boolean => !fault.serves && touched(answer) && answer.at <= leftAt;
  const wrongly = lost.filter((answer) => !mayBeLost(answer)).map(when);
  if (wrongly.length > 0) throw new Error(`${fault.name}: lost, and must not be:\n${wrongly.join('\n')}`);
  if (!fault.serves && lost.length === 0) throw new Error(`${fault.name}: nothing was lost, so it was no fault`);
  const stray = answers.filter((one) => touched(one) && one.by === 'rs1' && one.at > leftAt && one.at < fixAt);
  if (stray.length > 0)
    throw new Error(`${fault.name}: new flows reached it after it left:\n${stray.map(when).join('\n')}`);
  // Nearly even: a client port that comes again within IPVS' timeout belongs to the flow it had before.
  const atTheEnd = shares(answers.slice(-24)).rs1 ?? 0;
  if (atTheEnd < 6) throw new Error(`${fault.name}: once back it got ${atTheEnd} of the last 24 requests`);
  return course;
}

const portOf = ({ services }: Farm): number => Number(services[0]?.split(':').at(-1));
