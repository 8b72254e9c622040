import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Wanted, WantedFile } from '../../core/plan/install.ts';
import { errorCode, errorText } from '../files/errors.ts';
import type { Paths } from '../files/paths.ts';
import { CHILD_ENV } from '../process/command.ts';
import { lookInto } from './surroundings.ts';

export const PROGRAM_DIRECTORY = '/usr/lib/rsprep';
export const CRON_PATH = '/etc/cron.d/rsprep';
const UNIT_DIRECTORY = '/etc/systemd/system';
export const RESPONDER_LINK = `${UNIT_DIRECTORY}/multi-user.target.wants/rsprep-responder.service`;

export interface InstallChoices {
  /** Who runs the report: rsprep-report.timer or cron. */
  readonly by: 'systemd' | 'cron';
  /** Whether the host boots with systemd: then units put the VIPs in place, whoever runs the report. */
  readonly systemd: boolean;
  readonly responder: boolean;
  /** The interpreter the program is started with. */
  readonly node: string;
  /** That hold a VIP by the configuration; none where there is no configuration yet. */
  readonly devices: readonly string[];
  /** The responder's, of the configuration or by default. */
  readonly port: number;
  readonly man: string;
  readonly completions: Readonly<Record<'bash' | 'zsh' | 'fish', string>>;
}

export type Collected =
  | { readonly kind: 'wanted'; readonly wanted: readonly Wanted[]; readonly notes: readonly string[] }
  | { readonly kind: 'incomplete'; readonly reason: string };

/** Reads a file of the copy that is installed, if it is to be believed. @returns its path without links, too */
export type ReadSource = (file: string) => { readonly path: string; readonly content: Buffer };

/**
 * Everything that goes onto a host, taken from beside the running program: a checkout, an npm package, or an earlier install.
 * @param program path of the running bundle
 * @throws what `readSource` throws that is no error of the system's
 */
export function collectFiles(
  paths: Paths,
  program: string,
  choices: InstallChoices,
  readSource: ReadSource,
): Collected {
  try {
    const bundle = readSource(program).path;
    const copy = copying(readSource);
    const units = besides(bundle, 'units').find((folder) => existsSync(folder));
    if (units === undefined) return { kind: 'incomplete', reason: `there is no directory units/ beside ${bundle}` };
    const around = lookInto(paths, choices.devices);
    const wanted = [
      ...programFiles(bundle, units, choices.node, copy),
      ...(choices.systemd ? unitFiles(units, choices, copy) : []),
      ...(choices.by === 'cron' ? [copy(join(units, 'cron.d/rsprep'), CRON_PATH)] : []),
      copy(join(units, 'rsprep.yaml.sample'), '/etc/rsprep/rsprep.yaml.sample'),
      copy(join(units, 'nagios/check_rsprep'), '/usr/lib/nagios/plugins/check_rsprep', 0o755),
      text('/usr/share/man/man8/rsprep.8', choices.man),
      text('/usr/share/bash-completion/completions/rsprep', choices.completions.bash),
      text('/usr/share/zsh/vendor-completions/_rsprep', choices.completions.zsh),
      text('/usr/share/fish/vendor_completions.d/rsprep.fish', choices.completions.fish),
      ...around.dropIns.map(({ path, content }) => text(path, content)),
    ];
    return { kind: 'wanted', wanted, notes: [...around.notes, ...nodeNotes(choices)] };
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return { kind: 'incomplete', reason: errorText(error) };
  }
}

/** Folders of the same copy: beside an installed program, and beside the dist/ of a checkout or package. */
const besides = (bundle: string, name: string): readonly string[] => {
  const here = dirname(bundle);
  return [join(here, name), ...(basename(here) === 'dist' ? [join(dirname(here), name)] : [])];
};

/** What rsprep.cjs loads from beside it, and the licences of what is bundled in there. */
const PARTS = ['rsprep-program.cjs', 'rsprep-packages.cjs', 'rsprep-probe-thread.cjs', 'THIRD-PARTY-NOTICES.txt'];

/** The bundle, its addons and licences, the files it installs from, and the command in PATH. */
function programFiles(bundle: string, units: string, node: string, copy: Copy): readonly WantedFile[] {
  const here = dirname(bundle);
  const addons = new Map<string, string>();
  for (const folder of [...besides(bundle, 'prebuilds').slice(1), here]) {
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (/^rsprep-\w+\.node$/.test(name)) addons.set(name, join(folder, name));
    }
  }
  return [
    copy(bundle, `${PROGRAM_DIRECTORY}/rsprep.cjs`, 0o755),
    ...PARTS.map((name) => copy(join(here, name), `${PROGRAM_DIRECTORY}/${name}`)),
    ...[...addons].map(([name, from]) => copy(from, `${PROGRAM_DIRECTORY}/${name}`, 0o755)),
    ...filesBelow(units).map((name) =>
      copy(join(units, name), `${PROGRAM_DIRECTORY}/units/${name}`, name.startsWith('nagios/') ? 0o755 : 0o644),
    ),
    text('/usr/bin/rsprep', launcher(node), 0o755),
  ];
}

function unitFiles(units: string, { by, responder, port }: InstallChoices, copy: Copy): readonly Wanted[] {
  const names = readdirSync(units).filter((name) => /^rsprep-.*\.(service|timer|socket)$/.test(name));
  const enable = (unit: string, target: string): Wanted => ({
    kind: 'link',
    path: `${UNIT_DIRECTORY}/${target}.wants/${unit}`,
    target: `${UNIT_DIRECTORY}/${unit}`,
  });
  return [
    ...names.map((name) => withPort(copy(join(units, name), `${UNIT_DIRECTORY}/${name}`), port)),
    copy(join(units, 'sysusers.d/rsprep.conf'), '/etc/sysusers.d/rsprep.conf'),
    copy(join(units, 'tmpfiles.d/rsprep.conf'), '/etc/tmpfiles.d/rsprep.conf'),
    enable('rsprep-apply.service', 'multi-user.target'),
    ...(by === 'systemd' ? [enable('rsprep-report.timer', 'timers.target')] : []),
    ...(responder
      ? [enable('rsprep-responder.service', 'multi-user.target'), enable('rsprep-responder.socket', 'sockets.target')]
      : []),
  ];
}

/** systemd cannot read the configuration: the port it holds is written into the unit. */
const withPort = (unit: WantedFile, port: number): WantedFile =>
  unit.path.endsWith('.socket')
    ? {
        ...unit,
        content: Buffer.from(
          Buffer.from(unit.content)
            .toString()
            .replace(/^(ListenDatagram=(?:.*:)?)5300$/gm, `$1${port}`),
        ),
      }
    : unit;

/** How Node is started where RSPREP_JITLESS is set: no code is made at run time, so that MemoryDenyWriteExecute= can hold. */
export const JITLESS = ['--jitless', '--no-expose-wasm'] as const;

/** node(1), "Environment variables"; OpenSSL's config(5); ld.so(8). */
const UNSET = [
  ...['NODE_OPTIONS', 'NODE_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_V8_COVERAGE', 'NODE_REDIRECT_WARNINGS'],
  ...['NODE_COMPILE_CACHE', 'NODE_REPL_EXTERNAL_MODULE', 'NODE_ICU_DATA', 'NODE_PENDING_DEPRECATION', 'NODE_DEBUG'],
  ...['OPENSSL_CONF', 'OPENSSL_MODULES', 'OPENSSL_ENGINES', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'SSLKEYLOGFILE'],
  ...['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT'],
];

/** A shell script rather than a link: units and cron need no PATH with the right Node in it, and its environment is ours. */
const launcher = (node: string): string => `#!/bin/sh
# Starts rsprep with the Node.js it was installed with; with another one of the system's where that is gone. Nothing of the caller's
# environment makes Node load or write what it does not otherwise.
PATH=${CHILD_ENV.PATH}
export PATH
unset ${UNSET.join(' ')}
node='${node.replaceAll("'", `'\\''`)}'
[ -x "$node" ] || node=$(command -v node || command -v nodejs) || {
  case " $* " in
    *' check '*) echo 'RSPREP UNKNOWN - there is no Node.js to run it'; exit 3 ;;
  esac
  echo 'rsprep: there is no Node.js to run it: install nodejs 20 or newer, then rsprep install' >&2
  exit 1
}
exec "$node" \${RSPREP_JITLESS:+${JITLESS.join(' ')}} ${PROGRAM_DIRECTORY}/rsprep.cjs "$@"
`;

const nodeNotes = ({ node }: InstallChoices): readonly string[] =>
  /^\/(home|root|run\/user)\//.test(node)
    ? [`${node} is in a home directory, which the units cannot see (ProtectHome=): give another with --node`]
    : [];

type Copy = (from: string, path: string, mode?: number) => WantedFile;

const copying =
  (readSource: ReadSource): Copy =>
  (from, path, mode = 0o644) => ({ kind: 'file', path, content: readSource(from).content, mode });

const text = (path: string, content: string, mode = 0o644): WantedFile => ({
  kind: 'file',
  path,
  content: Buffer.from(content),
  mode,
});

const filesBelow = (directory: string): readonly string[] =>
  readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(directory, entry.name)).map((name) => `${entry.name}/${name}`) : [entry.name],
  );
