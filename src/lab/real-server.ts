import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownArgv } from './child.ts';
import { makeFolder } from './folder.ts';
import type { RunOutcome } from './protocol.ts';
import type { RemoteHost } from './remote.ts';
import { type Family, HOSTS } from './topology.ts';

/** rsprep on a real server of the lab, with files of its own. */
export interface Installed {
  readonly host: RemoteHost;
  readonly root: string;
  apply(): Promise<Applied>;
  verify(): Promise<Verdict>;
}

export interface Applied {
  readonly exitCode: number | null;
  /** What it printed, for people. */
  readonly output: readonly string[];
}

export interface Verdict extends Applied {
  /** Of the findings: `vip-missing@192.0.2.100`. */
  readonly ids: readonly string[];
}

/** Gives the host a root folder, a configuration and, for people who enter it, a command `rsprep` that knows both. */
export function install(host: RemoteHost, folder: string, families: readonly Family[]): Installed {
  const root = join(folder, host.name);
  makeFolder(join(root, 'etc/rsprep'));
  makeFolder(join(root, 'etc/sysctl.d'));
  const config = [
    'version: 1',
    'vips:',
    ...families.map(({ vip }) => `  - ${vip}`),
    `directors: [${families.map(({ version }) => (version === 4 ? HOSTS.director.ipv4 : HOSTS.director.ipv6)).join(', ')}]`,
    '',
  ];
  writeFileSync(join(root, 'etc/rsprep/rsprep.yaml'), config.join('\n'), { mode: 0o644 });
  const argv = ownArgv('--root', root);
  writeFileSync(join(root, 'rsprep'), `#!/bin/sh\nexec ${argv.map(quoted).join(' ')} "$@"\n`, { mode: 0o755 });
  return {
    host,
    root,
    apply: async () => applied(await host.run([...argv, 'apply'])),
    verify: async () => {
      const verdict = applied(await host.run([...argv, 'verify']));
      return { ...verdict, ids: findingIds(verdict.output) };
    },
  };
}

/** The shell command that `install` left for people. */
export const commandIn = (folder: string, name: string): string => join(folder, name, 'rsprep');

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

function applied(outcome: RunOutcome): Applied {
  if (outcome.kind === 'missing') return { exitCode: null, output: [`${outcome.program} is not there`] };
  const output = `${outcome.stdout}${outcome.stderr}`.split('\n').filter((line) => line.trim() !== '');
  return { exitCode: outcome.status, output };
}

/** `CRITICAL arp-ignore@all  drift`: the first line of a finding in the text that a person reads. */
const findingIds = (output: readonly string[]): readonly string[] =>
  output.flatMap((line) => /^(?:CRITICAL|HIGH|ADVICE|UNKNOWN) +(\S+)/.exec(line)?.[1] ?? []);
