// What the other hosts see of a real server: who answers ARP for the VIP, who asks with it, where replies come from.
import { createInterface } from 'node:readline';
import { DIRECTOR, type Host, type Network, RIP, VIP } from '../../support/netns.ts';
import { must, sleep } from '../../support/process.ts';
import { uniqueName } from '../../support/reaper.ts';
import { startEcho, tool } from '../../support/tools.ts';
import { BARE_B, GATEWAY_B, PORTS, RIP_B, type State } from './state.ts';

/** A client far away, behind whatever the default route says; never on any of these networks. */
const REMOTE = '203.0.113.1';
/** Served by a plain socket whatever the state: proof that the RIP can be reached. */
const CONTROL_PORT = 5399;

export interface Seen {
  /** ARP replies for the VIP on either network. */
  readonly answers: { readonly a: boolean; readonly b: boolean };
  /** ARP requests whose sender is the VIP. */
  readonly asks: { readonly a: boolean; readonly b: boolean };
  /** It asked for a neighbour at all, so that it could have asked with the VIP. */
  readonly asked: { readonly a: boolean; readonly b: boolean };
  /** The RIP answers ARP. */
  readonly ripArp: { readonly a: boolean; readonly b: boolean | null };
  readonly ripUdp: boolean;
  /** Source of the reply to a client on the director's network, and to one far away; null for none. */
  readonly near: string | null;
  readonly far: string | null;
  /** Who got the reply to the far client. */
  readonly farBy: 'director' | 'client' | 'b' | null;
  /** Source of a packet that the host itself sends to a far address. */
  readonly own: string | null;
}

interface Peer {
  say(...lines: readonly string[]): void;
  report(): Promise<readonly string[]>;
}

async function startPeer(net: Network, host: Pick<Host, 'start'>, device: string): Promise<Peer> {
  const { child } = host.start([tool('lanpeer'), '--interface', device]);
  net.onEnd(() => {
    child.kill('SIGKILL');
  });
  if (!child.stdout) throw new Error('lanpeer: no standard output');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done) throw new Error('lanpeer ended');
    return JSON.parse(line.value);
  };
  await next();
  const say = (...words: readonly string[]): void => void child.stdin?.write(`${words.join('\n')}\n`);
  return {
    say,
    report: async () => {
      say('report');
      return (await next()) as readonly string[];
    },
  };
}

export interface Oracle {
  /** Name of the RS's second NIC. */
  readonly nicB: string;
  measure(state: State, windowMs: number): Promise<Seen>;
}

/** Adds the second network and starts the peers and the servers. @param bridge the second NIC is a bridge with one port */
export async function startOracle(net: Network, bridge: boolean): Promise<Oracle> {
  const lan = uniqueName();
  must(['ip', 'netns', 'add', lan]);
  net.onEnd(() => void must(['ip', 'netns', 'del', lan]));
  must([
    'ip',
    'link',
    'add',
    'name',
    'eth1.7',
    'netns',
    net.rs.namespace,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    lan,
  ]);
  const inLan = ['ip', '-n', lan];
  must([...inLan, '-batch', '-'], {
    input:
      'link set lo up\nlink set eth0 addrgenmode none\nlink set eth0 up\naddr add 192.168.5.1/24 dev eth0\naddr add 10.77.0.1/24 dev eth0\n',
  });
  const nicB = bridge ? 'br0' : 'eth1.7';
  net.rs.batch([
    'link set eth1.7 addrgenmode none',
    'link set eth1.7 up',
    ...(bridge
      ? [
          'link add br0 type bridge forward_delay 0 mcast_snooping 0',
          'link set br0 addrgenmode none',
          'link set eth1.7 master br0',
          'link set br0 up',
        ]
      : []),
  ]);
  net.rs.must(['sysctl', '-qw', 'net.ipv4.ip_nonlocal_bind=1']);
  const [link] = JSON.parse(net.rs.ip(`-j link show dev ${nicB}`)) as readonly { readonly address: string }[];
  const macB = link?.address ?? '';
  const { vip, rip, plain, pktinfo, plain6, pktinfo6, only6, deviceA, deviceB, pair } = PORTS;
  await startEcho(net, { port: plain, pktinfo: false });
  await startEcho(net, { port: pktinfo });
  await startEcho(net, { port: vip, bind: VIP, pktinfo: false });
  await startEcho(net, { port: rip, bind: RIP, pktinfo: false });
  await startEcho(net, { port: plain6, bind: '::', pktinfo: false });
  await startEcho(net, { port: pktinfo6, bind: '::' });
  await startEcho(net, { port: only6, bind: '::', only6: true });
  await startEcho(net, { port: deviceA, device: 'eth0' });
  await startEcho(net, { port: deviceB, device: nicB });
  await startEcho(net, { port: pair, reuseport: true });
  await startEcho(net, { port: pair, pktinfo: false, reuseport: true });
  await startEcho(net, { port: CONTROL_PORT, pktinfo: false });
  const director = await startPeer(net, net.director, 'eth0');
  const client = await startPeer(net, net.client, 'eth0');
  const start: Host['start'] = (argv, options) =>
    net.rs.start(['nsenter', `--net=/run/netns/${lan}`, ...argv], options);
  const b = await startPeer(net, { start }, 'eth0');
  let turn = 0;

  const measure = async (state: State, windowMs: number): Promise<Seen> => {
    turn = (turn + 1) % 100;
    const near = `10.0.0.${128 + turn}`;
    const near2 = `10.0.0.${228 - turn}`;
    const netB = state.numberedB ? '192.168.5' : '10.77.0';
    const askerB = state.numberedB ? GATEWAY_B : BARE_B;
    const nearB = `${netB}.${128 + turn}`;
    const port = PORTS[state.binding];
    const [macA, portOf] = [net.rs.mac, String(port)];
    director.say('claim 10.0.0.128 10.0.0.250', 'clear');
    b.say(`claim ${netB}.128 ${netB}.250`, 'clear');
    client.say('clear');
    await director.report();
    director.say(`arp ${VIP} ${DIRECTOR}`, `arp ${RIP} ${DIRECTOR}`, `icmp ${macA} ${near2} ${VIP}`);
    director.say(
      `udp ${macA} ${near} ${VIP} ${portOf} 7001`,
      `udp ${macA} ${REMOTE} ${VIP} ${portOf} 7002`,
      `udp ${macA} ${near} ${RIP} ${CONTROL_PORT} 7003`,
    );
    b.say(`arp ${VIP} ${askerB}`, `arp ${RIP_B} ${askerB}`, `icmp ${macB} ${nearB} ${VIP}`);
    net.rs.run(['bash', '-c', `echo x >/dev/udp/${REMOTE}/9`]);
    await sleep(windowMs);
    return interpret(await director.report(), await client.report(), await b.report(), {
      macA,
      macB,
      near,
      near2,
      nearB,
      port,
      state,
    });
  };
  return { nicB, measure };
}

interface Asked {
  readonly macA: string;
  readonly macB: string;
  readonly near: string;
  readonly near2: string;
  readonly nearB: string;
  readonly port: number;
  readonly state: State;
}

function interpret(director: readonly string[], client: readonly string[], b: readonly string[], asked: Asked): Seen {
  const a = [...director, ...client];
  const { macA, macB } = asked;
  const has = (lines: readonly string[], text: string): boolean => lines.includes(text);
  const asks = (lines: readonly string[], mac: string, sender: string): boolean =>
    lines.some((line) => line.startsWith(`arp-request ${sender}`) && line.endsWith(` ${mac}`));
  const sourceOf = (lines: readonly string[], to: string, sport: number, dport: number): string | null => {
    for (const line of lines) {
      const [kind, source, destination, from, port] = line.split(' ');
      if (kind === 'udp' && destination === to && from === String(sport) && port === String(dport))
        return source ?? null;
    }
    return null;
  };
  const far = [
    ['director', director],
    ['client', client],
    ['b', b],
  ] as const;
  const farBy = far.find(([, lines]) => sourceOf(lines, REMOTE, asked.port, 7002) !== null)?.[0] ?? null;
  const everything = [...a, ...b];
  const own = everything
    .map((line) => line.split(' '))
    .find(([kind, , to, , port]) => kind === 'udp' && to === REMOTE && port === '9');
  return {
    answers: { a: has(a, `arp-reply ${VIP} ${macA}`), b: has(b, `arp-reply ${VIP} ${macB}`) },
    asks: { a: asks(a, macA, `${VIP} `), b: asks(b, macB, `${VIP} `) },
    asked: { a: asks(a, macA, ''), b: asks(b, macB, '') },
    ripArp: {
      a: has(a, `arp-reply ${RIP} ${macA}`),
      b: asked.state.numberedB ? has(b, `arp-reply ${RIP_B} ${macB}`) : null,
    },
    ripUdp: sourceOf(a, asked.near, CONTROL_PORT, 7003) === RIP,
    near: sourceOf(a, asked.near, asked.port, 7001),
    far: sourceOf(everything, REMOTE, asked.port, 7002),
    farBy,
    own: own?.[1] ?? null,
  };
}
