import { existsSync } from 'node:fs';
import type { Output } from './channel.ts';
import { PROGRAM } from './root.ts';
import type { Guest } from './uml.ts';

/** rsprep in a guest, as it was built when the guest started, in a network namespace of the guest or in its first one. */
export interface GuestAgent {
  configure(config: Readonly<Record<string, unknown>>): Promise<void>;
  /** About 1.2 s a run: Node starts slowly in UML. Rejects unless the exit code is one of `codes`. */
  run(words: string, ...codes: readonly number[]): Promise<Output>;
  /** verify's exit code and the ids of its findings. */
  verify(): Promise<{ readonly code: number; readonly ids: readonly string[] }>;
  /** The command line, for a unit file or a shell. */
  readonly command: string;
}

/** `root` is rsprep's --root in the guest, or null for none. */
export function agentIn(guest: Guest, options: { readonly netns?: string; readonly root: string | null }): GuestAgent {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: npm run build`);
  const { root } = options;
  const configFile = `${root ?? ''}/etc/rsprep/rsprep.yaml`;
  const command = `/opt/node/node /opt/rsprep/rsprep.cjs${root === null ? '' : ` --root ${root} -c ${configFile}`}`;
  const inside = options.netns === undefined ? {} : { netns: options.netns };
  const run = async (words: string, codes: readonly number[]): Promise<Output> => {
    const output = await guest.sh(`exec ${command} ${words}`, { ...inside, timeoutMs: 120_000 });
    if (!codes.includes(output.code)) {
      throw new Error(
        `rsprep ${words}: exit ${output.code}, expected ${codes.join(' or ')}\n${output.stdout}${output.stderr}`,
      );
    }
    return output;
  };
  return {
    command,
    configure: async (config) => {
      await guest.ok(`mkdir -p ${root ?? ''}/etc/rsprep ${root ?? ''}/etc/sysctl.d ${root ?? ''}/var/lib
        cat > ${configFile} <<'END'\n${JSON.stringify({ version: 1, ...config }, null, 2)}\nEND`);
    },
    run: (words, ...codes) => run(words, codes.length === 0 ? [0] : codes),
    verify: async () => {
      const { code, stdout } = await run('verify --format json', [0, 1, 2, 3]);
      const { findings } = JSON.parse(stdout) as { findings: { id: string }[] };
      return { code, ids: findings.map(({ id }) => id) };
    },
  };
}
