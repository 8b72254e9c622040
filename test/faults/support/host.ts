// The real server whose commands are disturbed, and the states it is put into: each made once by the commands themselves, kept with its
// files and what the kernel held, and put back in milliseconds before every run.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Network, VIP, VIP6 } from '../../support/netns.ts';
import { signal, sleep } from '../../support/process.ts';
import { uniqueFolder } from '../../support/reaper.ts';
import { type Agent, agentOn } from '../../support/rsprep.ts';
import { type Snapshot, snapshot } from '../../support/snapshot.ts';
import { type FloodCounters, type Running, startFlood } from '../../support/tools.ts';

export const VIPS = [VIP, '10.0.0.101'] as const;
const KEYS = ['arp_ignore', 'arp_announce'];
/** $0 of the process that takes an unconfirmed apply back (src/linux/change/watchdog.ts). */
const SLEEPER = 'rsprep-unconfirmed';

export interface State {
  readonly folder: string;
  readonly kernel: Snapshot;
}

export interface Subject {
  readonly net: Network;
  readonly agent: Agent;
  readonly flood: Running<FloodCounters>;
}

export async function prepareSubject(net: Network): Promise<Subject> {
  const report = { textfile: '/var/lib/prom/rsprep.prom' };
  const agent = agentOn(net, net.rs, { version: 1, vips: [...VIPS, VIP6], report });
  mkdirSync(agent.file('var/lib/prom'));
  const flood = await startFlood(net, { vips: VIPS.length, ratePerS: 5000, provokePerS: 200, seconds: 36_000 });
  const subject = { net, agent, flood };
  net.onEnd(async () => {
    endWatchdogs(subject);
    await settled(subject);
  });
  return subject;
}

/** What is there now, to be put back later. */
export function keep({ net, agent }: Subject): State {
  const folder = uniqueFolder();
  net.onEnd(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(agent.root, folder, { recursive: true });
  return { folder, kernel: snapshot(net.rs) };
}

export async function putBack(subject: Subject, state: State): Promise<void> {
  const { net, agent } = subject;
  endWatchdogs(subject);
  for (const name of readdirSync(agent.root)) rmSync(join(agent.root, name), { recursive: true });
  cpSync(state.folder, agent.root, { recursive: true, preserveTimestamps: true });
  const held = heldBy(state.kernel);
  const sysctls = state.kernel.sysctls.filter((line) => KEYS.some((key) => line.includes(`/${key}:`)));
  const commands = [
    ...VIPS.flatMap((vip) => ['lo', 'eth0'].map((device) => `addr del ${vip}/32 dev ${device}`)),
    `addr del ${VIP6}/128 dev lo`,
    ...held.map((address) => `addr add ${address}`),
  ];
  net.rs.run([
    'sh',
    '-c',
    [
      ...sysctls.map((line) => `echo ${line.slice(line.indexOf(':') + 1)} >${line.slice(0, line.indexOf(':'))}`),
      `ip -force -batch - 2>/dev/null <<END\n${commands.join('\n')}\nEND`,
    ].join('\n'),
  ]);
  const now = await kernelNow(subject, [state.kernel]);
  if (JSON.stringify(now) !== JSON.stringify(state.kernel))
    throw new Error(`the host could not be put back: ${JSON.stringify(difference(state.kernel, now), null, 1)}`);
}

/** What the kernel holds, once it is one of what it may be: the routes of an IPv6 address are made a moment after it (addrconf_dad_work). */
export async function kernelNow({ net }: Subject, expected: readonly Snapshot[]): Promise<Snapshot> {
  const texts = expected.map((one) => JSON.stringify(one));
  for (let tries = 0; ; tries += 1) {
    const now = snapshot(net.rs);
    if (tries === 5 || texts.includes(JSON.stringify(now))) return now;
    await sleep(20);
  }
}

interface Address {
  readonly local: string;
  readonly prefixlen: number;
  readonly label?: string;
  readonly scope: string;
}

/** The VIPs of a snapshot as `ip address add` takes them. */
function heldBy({ addresses }: Snapshot): readonly string[] {
  return addresses.flatMap((line) => {
    const [, device = '', json] = /^(\S+) (\{.*)$/.exec(line) ?? [];
    if (json === undefined) return [];
    const { local, prefixlen, label, scope } = JSON.parse(json) as Address;
    if (local === VIP6) return [`${local}/${prefixlen} dev ${device} preferred_lft 0 nodad`];
    if (!VIPS.some((vip) => vip === local)) return [];
    return [
      `${local}/${prefixlen} dev ${device} scope ${scope}${label === undefined || label === device ? '' : ` label ${label}`}`,
    ];
  });
}

/** Whether the LAN can be told that a VIP is here: the kernel answers while one is, and its ARP settings let it. */
export function leak({ addresses, sysctls }: Snapshot): string | null {
  if (!VIPS.some((vip) => addresses.some((line) => line.includes(`"${vip}"`)))) return null;
  const effective = (key: string): number =>
    Math.max(
      ...['all', 'eth0'].map((device) => {
        const line = sysctls.find((one) => one.startsWith(`/proc/sys/net/ipv4/conf/${device}/${key}:`));
        if (line === undefined) throw new Error(`no ${key} of ${device} in the snapshot`);
        return Number(line.split(':')[1]);
      }),
    );
  const [ignore, announce] = [effective('arp_ignore'), effective('arp_announce')];
  return [1, 2].includes(ignore) && announce === 2
    ? null
    : `a VIP is here with arp_ignore=${ignore}, arp_announce=${announce}`;
}

export function difference(before: Snapshot, after: Snapshot): readonly string[] {
  return (Object.keys(before) as (keyof Snapshot)[]).flatMap((key) => [
    ...before[key].filter((line) => !after[key].includes(line)).map((line) => `- ${line}`),
    ...after[key].filter((line) => !before[key].includes(line)).map((line) => `+ ${line}`),
    ...(before[key].length === after[key].length
      ? []
      : [`${key}: ${before[key].length} lines, now ${after[key].length}`]),
  ]);
}

/** Path → content of every file below the root; a folder ends in a slash. */
export function filesOf({ agent }: Subject): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) {
        files.set(`${relative(agent.root, path)}/`, '');
        walk(path);
      } else files.set(relative(agent.root, path), readFileSync(path, 'utf8'));
    }
  };
  walk(agent.root);
  return files;
}

export interface SeenLedger {
  readonly unconfirmed: { readonly token: string } | null;
  readonly applied: object | null;
  readonly intent: object | null;
  readonly addresses: readonly object[];
}

/** @throws where it is torn: never is it anything but whole, or not there. */
export function ledgerOf({ agent }: Subject): SeenLedger | null {
  const file = agent.file('var/lib/rsprep/state.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SeenLedger) : null;
}

const wordsOf = (pid: number): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended
  }
};

/** Those that wait to take an unconfirmed apply back; each leads a session of its own. */
export const watchdogs = ({ net }: Subject): readonly number[] =>
  net.rs.pids().filter((pid) => wordsOf(pid).includes(SLEEPER) && sessionOf(pid) === pid);

export function endWatchdogs(subject: Subject): void {
  for (const pid of watchdogs(subject)) signal(-pid, 'SIGKILL');
}

/** Waits for what a killed run has left at work: not for a watchdog, with what it started and who traces it. */
export async function settled(subject: Subject): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 20) {
    const waiting = watchdogs(subject);
    const busy = subject.net.rs
      .pids()
      .filter((pid) => !waiting.includes(sessionOf(pid)) && !(waiting.length > 0 && isTracer(wordsOf(pid))))
      .map((pid) => wordsOf(pid).join(' ').trim())
      .filter((words) => words !== '');
    if (busy.length === 0) return;
    if (waitedMs > 15_000) throw new Error(`still at work 15 s after the run: ${busy.join('; ')}`);
    await sleep(20);
  }
}

const isTracer = ([program = '']: readonly string[]): boolean => /\/syscallfault-[0-9a-f]+$/.test(program);

/** The fourth field behind the name, which is in parentheses (proc_pid_stat(5)). */
function sessionOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
  } catch {
    return -1; // it has ended
  }
}
