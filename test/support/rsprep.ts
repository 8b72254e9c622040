// rsprep as an operator has it on a host of the test LAN: the bundled program, its own --root, a configuration file.
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Host, type Network, VIP } from './netns.ts';
import { type Outcome, type RunOptions, type Started, testEnvironment } from './process.ts';
import { uniqueFolder } from './reaper.ts';

/** What is tested: the built program of this checkout, or the one RSPREP_BUNDLE names (an installed package, say). */
export const bundle =
  process.env.RSPREP_BUNDLE ?? join(dirname(fileURLToPath(import.meta.url)), '../../dist/rsprep.cjs');

export interface Agent {
  readonly host: Host;
  /** Prefix of everything rsprep reads and writes outside /proc and /sys. */
  readonly root: string;
  readonly configFile: string;
  /** Path of a file below the root: `agent.file('etc/sysctl.d/99-zz-rsprep.conf')`. */
  file(path: string): string;
  configure(config: Config): void;
  /** `agent.run('apply', '--take-from-nic')`: standard input is empty, standard output is not a terminal. */
  run(...words: readonly string[]): Outcome;
  runWith(options: RunOptions, ...words: readonly string[]): Outcome;
  start(options: RunOptions & { readonly group?: boolean }, ...words: readonly string[]): Started;
  /** The whole command line, for wrappers such as strace, setpriv or a shell. */
  argv(...words: readonly string[]): string[];
}

export type Config = Readonly<Record<string, unknown>>;

export const plainConfig: Config = { version: 1, vips: [VIP] };

export function agentOn(net: Network, host: Host = net.rs, config: Config = plainConfig): Agent {
  if (!existsSync(bundle)) throw new Error(`${bundle} is not there: run "npm run build" first`);
  const root = uniqueFolder();
  const configFile = join(root, 'etc/rsprep/rsprep.yaml');
  // 0755 all the way: rsprep refuses a configuration that others could replace, and nobody must be able to read it.
  for (const folder of ['', 'etc', 'etc/rsprep', 'etc/sysctl.d', 'var', 'var/lib', 'run']) {
    mkdirSync(join(root, folder), { recursive: true });
    chmodSync(join(root, folder), 0o755);
  }
  net.onEnd(() => rmSync(root, { recursive: true, force: true }));
  const argv = (...words: readonly string[]) => ['node', bundle, '--root', root, '-c', configFile, ...words];
  const environment = (options: RunOptions) => ({ env: testEnvironment(), input: '', timeoutMs: 60_000, ...options });
  const agent: Agent = {
    host,
    root,
    configFile,
    argv,
    file: (path) => join(root, path),
    // JSON is YAML, and needs no second writer in the tests.
    configure: (next) => writeFileSync(configFile, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o644 }),
    run: (...words) => host.run(argv(...words), environment({})),
    runWith: (options, ...words) => host.run(argv(...words), environment(options)),
    start: (options, ...words) => host.start(argv(...words), environment(options)),
  };
  agent.configure(config);
  return agent;
}

export interface ShownFinding {
  readonly id: string;
  readonly severity: string;
  readonly kind: string;
  /** What is folded in. */
  readonly consequences?: readonly { readonly id: string; readonly seen: string }[];
}

/** Every finding that `--format json` shows at top level: root causes, consequences are folded inside them. */
export function findingsOf(outcome: Outcome): readonly ShownFinding[] {
  const report = parseReport(outcome);
  if (!Array.isArray(report.findings)) throw new Error(`no findings in ${outcome.stdout}${outcome.stderr}`);
  return report.findings as readonly ShownFinding[];
}

export function parseReport(outcome: Outcome): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(outcome.stdout) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Error(`expected one JSON document, got ${JSON.stringify(outcome)}`, { cause });
  }
}

/** Fails with all the program said: an exit code alone tells nobody what went wrong. */
export function expectCode(outcome: Outcome, ...codes: readonly number[]): Outcome {
  if (outcome.code !== null && codes.includes(outcome.code)) return outcome;
  const said = `${outcome.stdout}${outcome.stderr}`.slice(0, 6000);
  throw new Error(`expected exit ${codes.join(' or ')}, got ${outcome.code ?? outcome.signal}:\n${said}`);
}

/** verify, and the ids of all it found. */
export function verifyIds(agent: Agent): { readonly code: number | null; readonly ids: readonly string[] } {
  const outcome = agent.run('verify', '--format', 'json');
  return { code: outcome.code, ids: findingsOf(outcome).map(({ id }) => id) };
}
