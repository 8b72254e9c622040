import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, run, type Started, sleep, start } from '../../support/process.ts';
import { uniqueFolder } from '../../support/reaper.ts';
import type { Host, Lan } from './net.ts';
import { PROGRAM } from './root.ts';

/** A real server prepared by hand, in the right order: ARP settings first, then the VIPs (what rsprep does is tested elsewhere). */
export function preparedByHand(lan: Lan, name: string, addresses: readonly string[], vips: readonly string[]): Host {
  const host = lan.host(name, ...addresses.map((address) => `${address}/${address.includes(':') ? 64 : 24}`));
  for (const scope of ['all', 'default']) {
    host.sysctl(['net', 'ipv4', 'conf', scope, 'arp_announce'], 2);
    host.sysctl(['net', 'ipv4', 'conf', scope, 'arp_ignore'], 1);
  }
  for (const vip of vips) {
    const how = vip.includes(':') ? [`${vip}/128`, 'preferred_lft', '0', 'nodad'] : [`${vip}/32`, 'scope', 'host'];
    host.run('ip', 'address', 'add', ...how, 'dev', 'lo');
  }
  return host;
}

export interface Agent {
  /** Runs rsprep in the host; throws unless it exits 0. Returns what it printed. */
  run(...words: string[]): string;
  /** Like `run`, but accepts one more exit code: 2, something is left that apply may not fix. */
  runOr2(...words: string[]): string;
  /** Replaces the configuration file. */
  configure(config: Readonly<Record<string, unknown>>): void;
  /** Starts `rsprep respond`, in a mount namespace of its own (see `breakIp`); resolves once it vouches. */
  respond(): Promise<Started>;
  /** Removes its files. */
  remove(): void;
}

/** rsprep from this checkout's dist/ on a host, with a --root of its own and `config` as its configuration. */
export function agentOn(host: Host, config: Readonly<Record<string, unknown>>): Agent {
  const root = uniqueFolder();
  const configFile = join(root, 'etc/rsprep/rsprep.yaml');
  for (const folder of ['', 'etc', 'etc/rsprep', 'etc/sysctl.d', 'var', 'var/lib', 'run']) {
    mkdirSync(join(root, folder), { recursive: true });
    chmodSync(join(root, folder), 0o755); // rsprep refuses a configuration in a folder that others may write
  }
  const argv = [process.execPath, PROGRAM, '--root', root, '-c', configFile];
  const agent: Agent = {
    run: (...words) => host.run(...argv, ...words),
    runOr2: (...words) => host.run('sh', '-c', '"$@" || [ $? -eq 2 ]', 'sh', ...argv, ...words),
    configure: (next) => writeFileSync(configFile, JSON.stringify({ version: 1, ...next }), { mode: 0o644 }),
    respond: async () => {
      const inside = [
        'ip',
        'netns',
        'exec',
        host.netns,
        'unshare',
        '--mount',
        ...argv,
        'respond',
        '--allow',
        '127.0.0.1',
      ];
      const started = start(inside, { timeoutMs: 300_000 });
      for (let tries = 0; tries < 50; tries += 1) {
        await sleep(100);
        if (run(['ip', 'netns', 'exec', host.netns, ...argv, 'ask', '127.0.0.1']).code === 0) return started;
      }
      started.child.kill('SIGKILL');
      const { stdout, stderr } = await started.done;
      throw new Error(`the responder did not vouch within 5 s: ${stdout}${stderr}`);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  agent.configure(config);
  return agent;
}

/** From now on every `ip` that a process started by `respond` runs fails. @returns how often one was run since */
export function breakIp(responder: Started): () => number {
  const folder = uniqueFolder();
  const broken = join(folder, 'ip');
  const calls = join(folder, 'calls');
  mkdirSync(folder, { recursive: true });
  writeFileSync(broken, `#!/bin/sh\necho called >> ${calls}\necho 'ip: broken' >&2\nexit 1\n`, { mode: 0o755 });
  const paths = ['/usr/sbin/ip', '/usr/bin/ip', '/sbin/ip', '/bin/ip'];
  const script = paths.map((path) => `[ ! -e ${path} ] || mount --bind ${broken} ${path}`).join('; ');
  must(['nsenter', `--mount=/proc/${responder.child.pid}/ns/mnt`, 'sh', '-c', script]);
  return () => (existsSync(calls) ? readFileSync(calls, 'utf8').split('\n').length - 1 : 0);
}
