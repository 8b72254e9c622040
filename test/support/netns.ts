// A throwaway LAN in private network namespaces: a switch, a real server, a director and a client.
//
//      rs 10.0.0.11 ─┐
//   director 10.0.0.2 ─┼─ lan (bridge)      VIP 10.0.0.100, IPv6 beside it: fd00::11, fd00::2, fd00::50
//   client 10.0.0.50 ─┘
//
// The client is also the real server's default gateway, and has a static neighbour entry VIP → the real server's MAC:
// that is what a director does for it. Nothing here touches the namespace the tests run in.
import { must, type Outcome, type RunOptions, run, type Started, signal, start } from './process.ts';
import { startReaper, uniqueName } from './reaper.ts';

export const VIP = '10.0.0.100';
export const VIP6 = 'fd00::100';
export const RIP = '10.0.0.11';
export const DIRECTOR = '10.0.0.2';
export const CLIENT = '10.0.0.50';

export interface Host {
  /** Name of the network namespace. */
  readonly namespace: string;
  readonly mac: string;
  readonly address: string;
  /** Runs a program in the host; a failure is a value. */
  run(argv: readonly string[], options?: RunOptions): Outcome;
  /** Runs a program that must succeed; returns its output. */
  must(argv: readonly string[], options?: RunOptions): string;
  /** `ip` in the host with words split at spaces: `host.ip('addr add 10.0.0.1/32 dev lo')`. Must succeed. */
  ip(words: string): string;
  /** Several `ip` commands in one process, one a line. Must succeed. */
  batch(lines: readonly string[]): void;
  start(argv: readonly string[], options?: RunOptions & { readonly group?: boolean }): Started;
  /** Processes in the host's namespace right now. */
  pids(): readonly number[];
  /** Value of net/ipv4/conf/INTERFACE/KEY; written first where a value is given. */
  arp(device: string, key: 'arp_ignore' | 'arp_announce' | (string & {}), value?: number): number;
}

export interface Network {
  readonly rs: Host;
  readonly director: Host;
  readonly client: Host;
  /** Called at the end, last registered first, whatever the test's outcome. */
  onEnd(action: () => void | Promise<void>): void;
}

/**
 * Builds the LAN, runs `use`, takes everything away again. Programs still running in the namespaces at the end are
 * killed and, when the test itself passed, reported as its failure: nothing may leak from what is under test.
 */
export async function withNetwork<T>(use: (net: Network) => Promise<T> | T): Promise<T> {
  if (process.getuid?.() !== 0)
    throw new Error('network namespace tests need root; run them as root or in a container');
  startReaper();
  const base = uniqueName();
  const actions: (() => void | Promise<void>)[] = [];
  const names = { lan: `${base}-lan`, rs: `${base}-rs`, director: `${base}-dir`, client: `${base}-cli` };
  let passed = false;
  try {
    build(names);
    const net: Network = {
      rs: makeHost(names.rs, 11),
      director: makeHost(names.director, 2),
      client: makeHost(names.client, 50),
      onEnd: (action) => actions.push(action),
    };
    const result = await use(net);
    passed = true;
    return result;
  } finally {
    for (const action of actions.reverse()) await action();
    const strays = Object.values(names).flatMap(killStrays);
    must(['ip', '-force', '-batch', '-'], {
      input: Object.values(names)
        .map((name) => `netns del ${name}\n`)
        .join(''),
    });
    if (passed && strays.length > 0) {
      // biome-ignore lint/correctness/noUnsafeFinally: only when `use` has not thrown
      throw new Error(`still running in the test's namespaces at its end:\n${strays.join('\n')}`);
    }
  }
}

function macOf(last: number): string {
  return `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`;
}

function build(names: { lan: string; rs: string; director: string; client: string }): void {
  const hosts = [
    [names.rs, 11],
    [names.director, 2],
    [names.client, 50],
  ] as const;
  must(['ip', '-batch', '-'], {
    input: [
      ...Object.values(names).map((name) => `netns add ${name}`),
      `link add name br0 netns ${names.lan} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
      ...hosts.map(
        ([name, last]) =>
          `link add name eth0 address ${macOf(last)} netns ${name} type veth peer name p${last} netns ${names.lan}`,
      ),
      '',
    ].join('\n'),
  });
  batchIn(names.lan, [
    'link set br0 up',
    ...hosts.flatMap(([, last]) => [`link set p${last} addrgenmode none master br0 up`]),
  ]);
  for (const [name, last] of hosts) {
    batchIn(name, [
      'link set lo up',
      // Fixed addresses without duplicate detection: two observations of an untouched host are then equal at once. The
      // link-local one is needed: without any, the kernel sends no neighbour solicitation for packets from a VIP on lo.
      'link set eth0 addrgenmode none',
      'link set eth0 up',
      `addr add fe80::${last}/64 dev eth0 nodad`,
      `addr add 10.0.0.${last}/24 brd + dev eth0`,
      `addr add fd00::${last}/64 dev eth0 nodad`,
      ...(name === names.rs ? ['route add default via 10.0.0.50', 'route add default via fd00::50'] : []),
      ...(name === names.client ? neighbours(VIP, VIP6) : []),
    ]);
  }
}

/** What makes a peer send VIP traffic straight to the real server, as a director does. */
export function neighbours(...vips: readonly string[]): string[] {
  return vips.map((vip) => `neigh replace ${vip} lladdr ${macOf(11)} dev eth0 nud permanent`);
}

function batchIn(namespace: string, lines: readonly string[]): void {
  must(['ip', '-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

function makeHost(namespace: string, last: number): Host {
  const inside = (argv: readonly string[]) => ['ip', 'netns', 'exec', namespace, ...argv];
  return {
    namespace,
    mac: macOf(last),
    address: `10.0.0.${last}`,
    run: (argv, options) => run(inside(argv), options),
    must: (argv, options) => must(inside(argv), options),
    ip: (words) => must(['ip', '-n', namespace, ...words.split(' ')]),
    batch: (lines) => batchIn(namespace, lines),
    start: (argv, options) => start(inside(argv), options),
    pids: () => pidsIn(namespace),
    arp: (device, key, value) => {
      const file = `/proc/sys/net/ipv4/conf/${device}/${key}`;
      const script = value === undefined ? 'cat "$0"' : 'echo "$1" >"$0" && cat "$0"';
      return Number(must(inside(['sh', '-c', script, file, String(value ?? '')])).trim());
    },
  };
}

function pidsIn(namespace: string): number[] {
  return run(['ip', 'netns', 'pids', namespace]).stdout.split('\n').filter(Boolean).map(Number);
}

function killStrays(namespace: string): string[] {
  return pidsIn(namespace).flatMap((pid) => {
    const words = run(['tr', '\\0', ' '], { input: run(['cat', `/proc/${pid}/cmdline`]).stdout }).stdout;
    signal(pid, 'SIGKILL');
    return words === '' ? [] : [`${namespace}: ${pid}: ${words}`];
  });
}
