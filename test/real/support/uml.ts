import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { startReaper, uniqueFolder } from '../../support/reaper.ts';
import { Channel } from './channel.ts';
import { CHECKOUT, guestRoot, PROGRAM } from './root.ts';

const GUEST = fileURLToPath(new URL('./guest', import.meta.url));

export interface GuestOptions {
  /** `plain`: bash is init, ready in about 2 s. `systemd`: a booted Debian, the agent reports early in the boot. */
  readonly init: 'plain' | 'systemd';
  /** Modules a plain guest loads before it reports; dependencies are found by modprobe. */
  readonly modules?: readonly string[];
  /** Network devices, `vec0` the first: each is tied to one end of a veth pair in the host's namespace `netns`. */
  readonly netns?: string;
  readonly nics?: readonly { readonly veth: string; readonly mac: string }[];
  /** Files put into the guest's root before it starts, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Symbolic links put there too: path to target. */
  readonly links?: Readonly<Record<string, string>>;
  /** Default 512. */
  readonly memoryMiB?: number;
  /** How long the agent may take to report. Default 60 000. */
  readonly bootTimeoutMs?: number;
}

export interface Guest extends Pick<Channel, 'sh' | 'exec' | 'ok' | 'booted' | 'boots'> {
  /** The folder both sides see; `/share` in the guest. */
  readonly share: string;
  /** Resolves when the guest has ended by itself (`poweroff -f`). */
  readonly ended: Promise<void>;
  /** The console so far, at most its last 64 KiB. */
  console(): string;
  /** Ends the guest at once, as pulling the plug would, and removes its folder. Never fails. */
  stop(): Promise<void>;
}

/**
 * Starts a User-Mode Linux guest and waits until it takes commands.
 *
 * A guest's processes are processes of the host. If only UML's main process were killed they would run on against the
 * host's kernel, as root; so the guest is the only inhabitant of a pid namespace of its own, and `--kill-child` and
 * `--pdeathsig` end that namespace with `unshare`, and `unshare` with this process, whatever ends it. Its files are an
 * overlay on `guestRoot()` held in memory; the host's are mounted read-only for it (`guest/launch.sh`).
 */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  const root = await guestRoot();
  startReaper(); // removes the folder if this process is killed
  const work = uniqueFolder();
  mkdirSync(join(work, 'share'), { recursive: true });
  writeSeed(join(work, 'seed'), options);

  const child = spawn('setpriv', launchArguments(options), {
    env: {
      PATH: process.env.PATH,
      WORK: work,
      ROOT: root,
      CHECKOUT,
      DIST: dirname(PROGRAM),
      NODE: dirname(process.execPath),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    detached: true, // Ctrl-C on the terminal is for the test runner; pdeathsig brings the guest down with it
  });
  const [, stdout, stderr, toGuest, fromGuest] = child.stdio as unknown as [
    null,
    Readable,
    Readable,
    Writable,
    Readable,
  ];
  let console = '';
  for (const stream of [stdout, stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      console = (console + text).slice(-65_536);
    });
  }
  const channel = new Channel(join(work, 'share'), toGuest, fromGuest);
  const ended = new Promise<void>((resolve) => {
    child.once('error', (cause) => channel.end(new Error('the guest could not be started', { cause })));
    child.once('close', () => {
      channel.end(new Error(`the guest ended; the last of its console:\n${console.slice(-4000)}`));
      rmSync(work, { recursive: true, force: true });
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    kill(child);
    await ended;
  };
  const guest: Guest = {
    share: join(work, 'share'),
    sh: (...a) => channel.sh(...a),
    exec: (...a) => channel.exec(...a),
    ok: (...a) => channel.ok(...a),
    booted: (...a) => channel.booted(...a),
    get boots() {
      return channel.boots;
    },
    ended,
    console: () => console,
    stop,
  };
  try {
    await channel.booted(1, options.bootTimeoutMs ?? 60_000);
    return guest;
  } catch (cause) {
    await stop();
    throw new Error(`the guest did not start; the last of its console:\n${console.slice(-4000)}`, { cause });
  }
}

function launchArguments(options: GuestOptions): string[] {
  const nics = (options.nics ?? []).map(
    ({ veth, mac }, n) => `vec${n}:transport=raw,ifname=${veth},depth=128,gro=1,mac=${mac}`,
  );
  return [
    ...['--pdeathsig', 'KILL', '--'],
    ...(options.netns === undefined ? [] : ['nsenter', `--net=/run/netns/${options.netns}`]),
    ...['unshare', '--pid', '--fork', '--kill-child', '--mount', '--mount-proc', join(GUEST, 'launch.sh')],
    `mem=${options.memoryMiB ?? 512}M`,
    ...(options.init === 'systemd' ? ['init=/lib/systemd/systemd'] : ['init=/usr/lib/rsp/init.sh']),
    `MODULES=${(options.modules ?? []).join(',')}`,
    ...nics,
  ];
}

function writeSeed(seed: string, options: GuestOptions): void {
  const units = join(seed, 'etc/systemd/system');
  mkdirSync(join(units, 'sysinit.target.wants'), { recursive: true });
  cpSync(join(GUEST, 'rsp-agent.service'), join(units, 'rsp-agent.service'));
  symlinkSync('../rsp-agent.service', join(units, 'sysinit.target.wants/rsp-agent.service'));
  for (const script of ['agent.sh', 'init.sh']) {
    cpSync(join(GUEST, script), join(seed, 'usr/lib/rsp', script));
    chmodSync(join(seed, 'usr/lib/rsp', script), 0o755);
  }
  for (const [path, text] of Object.entries(options.files ?? {})) {
    mkdirSync(dirname(join(seed, path)), { recursive: true });
    writeFileSync(join(seed, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  for (const [path, target] of Object.entries(options.links ?? {})) {
    mkdirSync(dirname(join(seed, path)), { recursive: true });
    symlinkSync(target, join(seed, path));
  }
}

function kill(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}
