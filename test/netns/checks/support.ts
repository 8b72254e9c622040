// One thing goes wrong on a prepared host; verify shows exactly that.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import { DIRECTOR, type Host, type Network, VIP, withNetwork } from '../../support/netns.ts';
import { type Agent, agentOn, type Config, expectCode, findingsOf } from '../../support/rsprep.ts';

export const config: Config = { version: 1, vips: [VIP], directors: [DIRECTOR] };

export interface Case {
  readonly name: string;
  readonly config?: Config;
  /** Part of the host before the first apply. */
  readonly prepare?: (net: Network, agent: Agent) => unknown;
  /** What verify finds after apply and before the change: nothing, unless the case is about a host that cannot be clean. */
  readonly before?: readonly string[];
  readonly change: (net: Network, agent: Agent) => unknown;
  /** `severity id`, as verify lists them. */
  readonly finds: readonly string[];
  /** apply ends it, with these options; without, apply leaves it alone. */
  readonly applyFixes?: readonly string[];
  /** By hand, where apply may not (or after it). */
  readonly fix?: (net: Network, agent: Agent) => unknown;
  /** What is left then; as before the change unless said otherwise. */
  readonly after?: readonly string[];
}

export async function inject(given: Case): Promise<void> {
  await withNetwork(async (net) => {
    const agent = agentOn(net, net.rs, given.config ?? config);
    const after = given.after ?? given.before ?? [];
    await given.prepare?.(net, agent);
    expectCode(agent.run('apply'), 0, 2);
    expect(seen(agent)).toEqual(given.before ?? []);

    await given.change(net, agent);
    expect(seen(agent)).toEqual(given.finds);
    const bad = given.finds.filter((line) => /^(critical|high)/.test(line));
    expectCode(agent.run('verify'), bad.length > 0 ? 2 : 0);

    const applied = agent.run('apply', ...(given.applyFixes ?? []));
    if (given.applyFixes) expect(seen(agent)).toEqual(given.fix ? expect.anything() : after);
    else expect(seen(agent)).toEqual(given.finds);
    // A service can start only once the VIP is there: it fails verify, and not apply.
    const left = given.applyFixes ? [] : bad.filter((line) => !line.includes(' service-'));
    expectCode(applied, left.length > 0 ? 2 : 0);
    if (given.fix) {
      await given.fix(net, agent);
      expect(seen(agent)).toEqual(after);
    }
  });
}

/** `severity id` of each finding; `unknown id` of what could not be looked at. */
export const seen = (agent: Agent): string[] =>
  findingsOf(agent.run('verify', '--format', 'json')).map(
    ({ kind, severity, id }) => `${kind === 'unknown' ? 'unknown' : severity} ${id}`,
  );

/** A file below the agent's root, which others may not write: what a host's administrator or another package leaves there. */
export function put(agent: Agent, path: string, text: string): void {
  const file = agent.file(path);
  mkdirSync(dirname(file), { recursive: true });
  chmodSync(dirname(file), 0o755);
  writeFileSync(file, text, { mode: 0o644 });
}

/** A pair of interfaces on a host: `name` is up, and its other end too. */
export function addVeth({ batch }: Host, name: string, peer = `p-${name}`): void {
  batch([
    `link add name ${name} type veth peer name ${peer}`,
    `link set ${name} addrgenmode none`,
    `link set ${peer} addrgenmode none`,
    `link set ${name} up`,
    `link set ${peer} up`,
  ]);
}

const SERVER = `
const [protocol, address, port, mode] = process.argv.slice(1);
const ready = () => console.log('ready');
if (protocol === 'tcp') {
  require('node:net').createServer((s) => { s.on('error', () => {}); s.on('data', (d) => mode === 'mute' || s.write(d)); })
    .listen(Number(port), address, ready);
} else {
  const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (m, r) => mode === 'mute' || socket.send(m, r.port, r.address));
  socket.bind(Number(port), address, ready);
}`;

/** A server that echoes (or, mute, does not), without PKTINFO. Ends with the test. */
export async function serve(
  net: Network,
  host: Host,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  mode: 'echo' | 'mute' = 'echo',
): Promise<void> {
  const { child } = host.start(['node', '-e', SERVER, protocol, address, String(port), mode]);
  net.onEnd(() => {
    child.kill('SIGKILL');
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('close', (code) => reject(new Error(`server on ${address}:${port} ended with ${code}`)));
  });
}
